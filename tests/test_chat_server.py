"""How the heart begins, and how it ends with work still in hand."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chip.models import Report
from tests.support.scene import Scene


def stop(scene, deadline=10):
    """Begin to stop; what is returned is filled when that is done."""
    stopped = []
    scene.heart.stop_taking_up()
    Deferred.fromCoroutine(scene.heart.finish(deadline)).addCallback(stopped.append)
    return stopped


def test_a_stop_waits_for_what_is_under_way():
    scene = Scene()
    bob = scene.bob()
    bob.says({"type": "send_msg", "text": "one"})
    stopped = stop(scene)
    scene.later(5)
    assert stopped == []
    scene.gateway.take().handle("uuid-1")
    assert stopped == [None]
    assert scene.queues.chats[bob.chat].spool == []


def test_nothing_is_left_in_the_clock_after_a_stop():
    scene = Scene()
    assert scene.clock.getDelayedCalls() != []
    assert stop(scene) == [None]
    assert scene.clock.getDelayedCalls() == []


def test_a_stop_leaves_behind_what_takes_too_long_and_gives_its_claims_up():
    scene = Scene()
    scene.bob().says({"type": "send_msg", "text": "one"})
    stopped = stop(scene)
    scene.later(10.5)
    assert stopped == [None]
    assert scene.queue.token not in scene.queues.alive
    # Whoever comes next does not send it while Courier may be at work on it, and then does.
    scene.process()
    assert len(scene.gateway.requests) == 1
    scene.later(35)
    assert [request.texts for request in scene.gateway.requests] == [["one"], ["one"]]


def test_a_stop_ends_though_the_queue_is_away():
    scene = Scene()
    scene.bob().says({"type": "send_msg", "text": "one"})
    scene.queues.away = True
    scene.gateway.take().handle("uuid-1")
    stopped = stop(scene)
    scene.later(1)
    assert stopped == [None]


def test_what_has_waited_too_long_for_its_visitor_is_reported_as_failed():
    scene = Scene(outbox_days=1)
    scene.send(10)
    scene.clock.advance(86_401)
    scene.later(2)
    assert scene.gateway.take().reports == [Report("failed", 10)]


def test_visitors_may_say_something_while_the_heart_stops_and_others_will_pass_it_on():
    scene = Scene()
    bob = scene.bob()
    stop(scene)
    bob.says({"type": "send_msg", "text": "one", "ref": "c1"})
    assert bob.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    assert scene.gateway.requests == []
    scene.process()
    assert scene.gateway.take().texts == ["one"]
