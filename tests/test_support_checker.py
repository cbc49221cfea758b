"""The ledger: it must see every kind of loss, or no reliability test means anything."""

import pytest

from tests.support.checker import Ledger


def out(text, id):
    return {"type": "chat_out", "msg_out": {"id": id, "text": text}}


@pytest.fixture
def ledger():
    return Ledger()


def say(ledger, *texts):
    for text in texts:
        ledger.incoming.said("bob", text, accepted=True)


def test_what_arrives_once_and_in_order_is_fine(ledger):
    say(ledger, "a", "b")
    assert ledger.incoming.waiting() == 2

    ledger.arrived("bob", ["a", "b"])

    ledger.check()
    assert ledger.incoming.waiting() == 0
    assert "2 accepted, 0 lost" in ledger.summary()


def test_what_was_accepted_and_does_not_arrive_is_lost(ledger):
    say(ledger, "a", "b")

    ledger.arrived("bob", ["b"])

    with pytest.raises(AssertionError, match=r"incoming bob: lost 1: a\n"):
        ledger.check()


def test_what_was_not_accepted_may_arrive_or_not(ledger):
    ledger.incoming.said("bob", "a")
    ledger.incoming.said("bob", "b")

    ledger.arrived("bob", ["b"])

    ledger.check()


def test_what_arrives_twice_is_duplicated(ledger):
    say(ledger, "a", "b")

    ledger.arrived("bob", ["a", "b", "a"])

    with pytest.raises(AssertionError, match=r"incoming bob: duplicated 1: a\n"):
        ledger.check()


def test_what_arrives_after_something_later_is_reordered(ledger):
    say(ledger, "a", "b", "c")

    ledger.arrived("bob", ["b", "a", "c"])

    with pytest.raises(AssertionError, match=r"incoming bob: reordered 1: a\n"):
        ledger.check()


def test_what_arrived_and_nobody_said_counts_as_invented(ledger):
    ledger.arrived("bob", ["boo"])

    with pytest.raises(AssertionError, match="invented 1: boo"):
        ledger.check()


def test_a_message_received_again_is_shown_once_as_browsers_do(ledger):
    for text in ("a", "b"):
        ledger.outgoing.said("bob", text, accepted=True)

    ledger.shown("bob", [out("a", 1), {"type": "resync"}, out("a", 1), out("b", 2)])

    ledger.check()
    assert ledger.outgoing.repeated == 1


def test_a_message_received_again_under_another_name_is_duplicated(ledger):
    ledger.outgoing.said("bob", "a", accepted=True)

    ledger.shown("bob", [out("a", 1), out("a", 2)])

    with pytest.raises(AssertionError, match="outgoing bob: duplicated 1: a"):
        ledger.check()


def test_every_chat_is_looked_at_by_itself(ledger):
    say(ledger, "a", "b")
    ledger.incoming.said("ann", "a", accepted=True)

    ledger.arrived("ann", ["a"])
    ledger.arrived("bob", ["a", "b"])

    ledger.check()
