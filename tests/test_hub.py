"""Who is connected: joining and leaving in every order, and who hears what."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chip.chat.hub import Hub
from chip.chat.ports import OutboxItem
from chip.errors import Unavailable
from chip.models import ChatKey

CHAT = ChatKey("a" * 24, "7d62d551-3030-4100-a260-2d7c4e9693e7")
ITEM = OutboxItem(1, "m1", b"{}")


class SlowLive:
    """A live channel whose subscriptions stand when the test says so."""

    def __init__(self):
        self.asked = []
        self.left = []

    def listen(self, listener):
        self.listener = listener

    async def subscribe(self, chat):
        self.asked.append(Deferred())
        await self.asked[-1]

    def unsubscribe(self, chat):
        self.left.append(chat)


class Member:
    def __init__(self):
        self.heard = []

    def arrived(self, item):
        self.heard.append(item)

    def acked(self, number):
        self.heard.append(number)

    def tell(self, frame):
        self.heard.append(frame)

    def interrupted(self):
        self.heard.append("interrupted")

    def replaced(self):
        self.heard.append("replaced")


def hub_of(sockets=5):
    live = SlowLive()
    hub = Hub(live, sockets)
    presence = []
    hub.on_presence(lambda chat, is_open: presence.append(is_open))
    return live, hub, presence


def join(hub, member):
    joined = []
    joining = Deferred.fromCoroutine(hub.join(CHAT, member))
    joining.addCallbacks(
        lambda _: joined.append("joined"), lambda f: joined.append(f.trap(Unavailable))
    )
    return joined


def test_one_subscription_serves_all_who_join():
    live, hub, presence = hub_of()
    first, second = Member(), Member()
    joined = [join(hub, first), join(hub, second)]
    assert joined == [[], []]
    (asked,) = live.asked
    asked.callback(None)
    assert joined == [["joined"], ["joined"]]
    hub.arrived(CHAT, ITEM)
    assert first.heard == second.heard == [ITEM]
    assert presence == [True]


def test_the_last_who_leaves_ends_the_subscription():
    live, hub, presence = hub_of()
    first, second = Member(), Member()
    join(hub, first)
    live.asked.pop().callback(None)
    join(hub, second)
    hub.leave(CHAT, first)
    assert (live.left, hub.is_open(CHAT)) == ([], True)
    hub.leave(CHAT, second)
    hub.leave(CHAT, second)
    assert (live.left, hub.is_open(CHAT)) == ([CHAT], False)
    assert presence == [True, False]


def test_who_leaves_before_the_subscription_stands_leaves_nothing_behind():
    live, hub, presence = hub_of()
    member = Member()
    join(hub, member)
    hub.leave(CHAT, member)
    live.asked.pop().callback(None)
    assert (live.left, hub.open_chats, presence) == ([CHAT], 0, [])


def test_who_comes_back_while_the_subscription_is_under_way_shares_it():
    live, hub, _ = hub_of()
    gone, back = Member(), Member()
    join(hub, gone)
    hub.leave(CHAT, gone)
    joined = join(hub, back)
    live.asked.pop().callback(None)
    assert (joined, live.asked, live.left) == (["joined"], [], [])
    hub.arrived(CHAT, ITEM)
    assert (gone.heard, back.heard) == ([], [ITEM])


def test_when_the_subscription_fails_all_who_waited_are_told_and_may_try_again():
    live, hub, presence = hub_of()
    joined = [join(hub, Member()), join(hub, Member())]
    live.asked.pop().errback(Unavailable("away"))
    assert joined == [[Unavailable], [Unavailable]]
    assert (hub.open_chats, presence) == (0, [])
    again = join(hub, Member())
    live.asked.pop().callback(None)
    assert again == ["joined"]


def test_too_many_connections_of_a_chat_replace_the_oldest():
    live, hub, _ = hub_of(sockets=2)
    members = [Member() for _ in range(3)]
    for member in members:
        join(hub, member)
    live.asked.pop().callback(None)
    hub.acked(CHAT, 7)
    assert [member.heard for member in members] == [["replaced"], [7], [7]]


def test_a_member_who_leaves_while_all_are_told_does_not_keep_it_from_the_others():
    live, hub, _ = hub_of()
    first, second = Member(), Member()
    first.tell = lambda frame: hub.leave(CHAT, first)
    for member in (first, second):
        join(hub, member)
    live.asked.pop().callback(None)
    hub.told(CHAT, b"frame")
    assert second.heard == [b"frame"]


def test_an_interruption_is_told_to_everybody():
    live, hub, _ = hub_of()
    member = Member()
    join(hub, member)
    live.asked.pop().callback(None)
    live.listener.interrupted()
    assert member.heard == ["interrupted"]


def test_an_interruption_of_some_chats_is_told_to_these():
    live, hub, _ = hub_of()
    member = Member()
    join(hub, member)
    live.asked.pop().callback(None)
    elsewhere = ChatKey("b" * 24, CHAT.channel_uuid)
    live.listener.interrupted([elsewhere])
    assert member.heard == []
    live.listener.interrupted([elsewhere, CHAT])
    assert member.heard == ["interrupted"]


def test_the_last_to_leave_may_have_waited_behind_one_who_was_replaced():
    """The first joiner is replaced while the subscription is asked for, all others leave the
    moment that they hear it stands: nothing is left, and nothing breaks."""
    live, hub, presence = hub_of(sockets=1)
    first, second = Member(), Member()
    joining = Deferred.fromCoroutine(hub.join(CHAT, first))

    async def come_and_go():
        await hub.join(CHAT, second)
        hub.leave(CHAT, second)

    gone = Deferred.fromCoroutine(come_and_go())
    live.asked[0].callback(None)
    assert first.heard == ["replaced"]
    assert (joining.called, gone.called) == (True, True)
    assert (hub.open_chats, live.left) == (0, [CHAT])
    assert presence == [True, False]
