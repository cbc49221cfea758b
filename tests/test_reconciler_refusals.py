"""A queue that takes nothing for some chats, or for all: who is filled, who waits, who is tried."""

from __future__ import annotations

import pytest

from chip.chat import reconciler
from chip.errors import Unavailable
from tests.test_reconciler import Rapidpro, contacts, kinds, resume


class Refusing(Rapidpro):
    """The outbox can be read, and takes nothing for some chats."""

    def __init__(self, chats: int) -> None:
        super().__init__()
        self.everybody = contacts(self, chats)
        for contact in self.everybody:
            self.row(contact.id, contact=contact)
        self.loses_everything()
        self.refused: set[str] = set()
        self.tried: list[str] = []
        self._fill = self.chip.queue.outbox.fill
        self.chip.queue.outbox.fill = self._try_to

    async def _try_to(self, chat, loss, messages):
        self.tried.append(chat.chat_id)
        if chat.chat_id in self.refused:
            raise Unavailable("the queue refuses this chat")
        return await self._fill(chat, loss, messages)

    def refuses(self, *contacts) -> None:
        self.refused = {contact.chat_id for contact in contacts}


def filled(contact):
    return ["chat_resumed", contact.id]


def test_a_chat_that_is_refused_keeps_no_other_from_being_filled():
    rapidpro = Refusing(4)
    ill, *well = rapidpro.everybody
    rapidpro.refuses(ill)
    assert kinds(resume(rapidpro, ill)) == ["chat_resumed"]
    for contact in well:
        assert kinds(resume(rapidpro, contact)) == filled(contact)


@pytest.mark.parametrize("many", [1, 3 * reconciler.REFUSED_IN_A_ROW])
def test_nor_do_any_that_are_tried_again_and_again(many):
    rapidpro = Refusing(many + 10)
    ill, well = rapidpro.everybody[:many], rapidpro.everybody[many:]
    rapidpro.refuses(*ill)
    for contact in ill:
        resume(rapidpro, contact)
    rapidpro.chip.later(4 * reconciler.LOOK_UP_AGAIN_AFTER)
    tried = len(rapidpro.tried)
    for contact in well:
        rapidpro.chip.later(reconciler.LOOK_UP_AGAIN_AFTER / 2)
        assert kinds(resume(rapidpro, contact)) == filled(contact)
    assert len(rapidpro.tried) - tried - len(well) >= 4


def test_it_is_filled_when_it_is_refused_no_more():
    rapidpro = Refusing(1)
    rapidpro.refuses(*rapidpro.everybody)
    visitor = resume(rapidpro, rapidpro.everybody[0])
    rapidpro.chip.later(20)
    rapidpro.refuses()
    rapidpro.chip.later(reconciler.LOOK_UP_AGAIN_AFTER)
    assert kinds(visitor) == filled(rapidpro.everybody[0])


def test_while_all_are_refused_a_few_are_tried_and_nobody_waits():
    rapidpro = Refusing(100)
    rapidpro.refuses(*rapidpro.everybody)
    for contact in rapidpro.everybody:
        assert kinds(resume(rapidpro, contact)) == ["chat_resumed"]
    assert len(rapidpro.tried) == reconciler.REFUSED_IN_A_ROW
    rapidpro.chip.later(3 * reconciler.LOOK_UP_AGAIN_AFTER + 1)
    assert len(rapidpro.tried) == pytest.approx(4 * reconciler.REFUSED_IN_A_ROW, abs=4)


def test_many_that_are_refused_among_others_keep_these_waiting_for_a_while_only():
    rapidpro = Refusing(100)
    ill, well = rapidpro.everybody[:60], rapidpro.everybody[60:]
    rapidpro.refuses(*ill)
    for contact in ill:
        resume(rapidpro, contact)
    visitors = [resume(rapidpro, contact) for contact in well]
    rapidpro.chip.later(10 * reconciler.LOOK_UP_AGAIN_AFTER)
    for contact, visitor in zip(well, visitors, strict=True):
        assert kinds(visitor) == filled(contact)
