"""The visitors of the tests: whoever goes is gone."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.support.process import eventually
from tests.support.visitors import Visitors


async def test_a_tab_that_leaves_while_it_comes_back_is_gone(chip, courier, channel, proxied):
    proxy = proxied(chip.port)
    visitors = Visitors(courier, channel, [chip.url.replace(str(chip.port), str(proxy.port))])
    await visitors.come(1)
    [tab] = visitors.tabs
    before = proxy.accepted
    proxy.latency(0.5)
    await tab.vanish()
    await deferToThread(eventually, lambda: proxy.accepted > before, "it comes back")
    await Deferred.fromCoroutine(tab.leave()).addTimeout(60, reactor)
    assert not tab.visitor.connected
