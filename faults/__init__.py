"""Chip's fault suite: everything it depends on is broken, in an order drawn from a seed, and what
visitors, Courier and RapidPro's database have seen is counted afterwards.

    python -m faults                               a minute, by a seed of its own choosing
    python -m faults --minutes 60 --seed harbour   an hour; the same seed draws the same plan
    python -m faults --embedded                    one Chip on SQLite, with agents at its desk

Two Chips share PostgreSQL, Valkey and a stand-in Courier. Visitors have several tabs each and say
something all the time, and so do agents: the tests' own, with their history and its checker, which
counts what was lost, doubled, reordered or falsely reported. `plan` draws what is done to whom,
`harm` does it to what `parts` has started, and `page` tells it: as `faults.html` and as text.
The exit status is 0 when nothing was found.
"""
