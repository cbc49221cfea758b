"""Losses, whatever the clocks of the database and of Valkey say meanwhile."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.slow import Slow
from tests.test_reconciler import Rapidpro, ack, contacts, kinds, resume


@pytest.mark.parametrize("late", [0, 4])
def test_what_was_acknowledged_since_the_loss_hides_nothing_from_a_database_that_looks_late(late):
    rapidpro = Rapidpro()
    rapidpro.wires(10)
    rapidpro.chip.later(120)
    rapidpro.chip.queues.lose()
    rapidpro.wires(11)
    database = Slow(rapidpro.store, "wired")
    visitor = rapidpro.chip.bob()
    rapidpro.chip.later(6)
    assert visitor.is_shown() == [11]  # Nobody waits any longer.
    visitor.says(ack(11))
    rapidpro.chip.later(late)
    rapidpro.store.messages[:] = [
        dataclasses.replace(row, status="D") if row.uuid == "uuid-11" else row
        for row in rapidpro.store.messages
    ]
    database.answers_all()
    assert visitor.is_shown() == [10]


def test_a_clock_of_valkeys_that_was_set_back_holds_up_nobody():
    rapidpro = Rapidpro()
    early = contacts(rapidpro, 2)
    late = contacts(rapidpro, 3)[-1]
    for contact in (*early, late):
        rapidpro.row(contact.id, contact=contact)
    rapidpro.chip.queues.lose()
    rapidpro.chip.queues.lost_at += 3600
    visitors = [resume(rapidpro, contact) for contact in early]
    rapidpro.chip.later(3)
    rapidpro.chip.queues.lost_at -= 3600
    visitors.append(resume(rapidpro, late))
    rapidpro.chip.later(3)
    shown = [kinds(visitor)[1:] for visitor in visitors]
    assert shown == [[contact.id] for contact in (*early, late)]
