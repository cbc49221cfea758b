"""Chip's own benchmark: how fast it is, how much it takes, and beside that what bare parts cost.

    python -m bench                    everything, one table; a full run is saved to docs/results.md
    python -m bench delivery history   some measurements
    python -m bench --quick            shorter, for a look

It starts PostgreSQL, Valkey and a stand-in Courier on private ports, and Chip as users start it
but with its rates lifted. Visitors and Courier's sends come from this process, by a load generator
that is much leaner than what it loads. `measures` holds what is measured, `targets` what has to be
reached, `yardsticks` the bare parts.
"""
