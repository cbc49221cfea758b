"""What signals mean, where the handler itself gets into trouble."""

from __future__ import annotations

import signal

import pytest
from twisted.internet.testing import MemoryReactor

from chip.app.signals import heed_signals


@pytest.mark.parametrize("rotates", [signal.SIG_DFL, lambda number, frame: None])
def test_who_asks_for_a_rotation_ends_nothing_where_there_is_no_file(monkeypatch, rotates):
    heeded = {}
    monkeypatch.setattr(signal, "getsignal", lambda number: rotates)
    monkeypatch.setattr(signal, "signal", heeded.__setitem__)
    heed_signals(MemoryReactor(), reload=lambda: None)
    is_default = rotates == signal.SIG_DFL
    assert heeded.get(signal.SIGUSR1) == (signal.SIG_IGN if is_default else None)


def test_a_stop_that_failed_is_tried_again_by_the_next_signal(monkeypatch):
    heeded, tries = {}, []

    def stop(number, frame):
        tries.append(number)
        if len(tries) == 1:
            raise RecursionError("where the signal came, the stack was nearly full")

    monkeypatch.setattr(signal, "getsignal", lambda number: stop)
    monkeypatch.setattr(signal, "signal", heeded.__setitem__)
    heed_signals(MemoryReactor(), reload=lambda: None)
    with pytest.raises(RecursionError):
        heeded[signal.SIGTERM](signal.SIGTERM)
    heeded[signal.SIGTERM](signal.SIGTERM)
    heeded[signal.SIGTERM](signal.SIGTERM)
    assert tries == [signal.SIGTERM, signal.SIGTERM]
