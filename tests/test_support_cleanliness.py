"""The guard that finds what a test left behind, tried on tests that do leave something."""

import time

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from tests.support.cleanliness import LoggedFailures, ReactorContents

log = Logger()


@pytest.fixture
def failures(expected_failures):
    """A second guard, so that the test's own stays out of it."""
    failures = LoggedFailures()
    failures.listen()
    yield failures
    expected_failures.events.clear()


def test_a_failed_deferred_that_nobody_handled_is_found(failures):
    fail(ZeroDivisionError("nobody cares"))

    failures.leave()

    assert any("nobody cares" in line for line in failures.report())


def test_errors_are_found_and_warnings_are_not(failures):
    log.warn("take care")
    log.error("{what} broke", what="this")

    failures.leave()

    assert failures.report() == ["logged at error: this broke"]


def test_a_failure_that_was_expected_is_taken_and_forgiven(failures):
    for error in (ValueError("wanted"), KeyError("unwanted")):
        try:
            raise error
        except (ValueError, KeyError):
            log.failure("oops")

    [event] = failures.take(ValueError)
    failures.leave()

    assert event["log_failure"].getErrorMessage() == "wanted"
    assert [line.splitlines()[-1] for line in failures.report()] == [
        "builtins.KeyError: 'unwanted'"
    ]


def test_expecting_a_failure_that_does_not_come_is_an_error(failures):
    with pytest.raises(AssertionError, match="no failure"):
        failures.take(ValueError)
    failures.leave()


def test_timers_and_sockets_left_behind_are_found_and_removed():
    before = ReactorContents()
    timer = reactor.callLater(100, print)
    port = reactor.listenTCP(0, Factory.forProtocol(object), interface="127.0.0.1")

    found = before.clear()

    assert len(found) == 2
    assert not timer.active()
    assert port not in reactor.getReaders()
    assert before.settled()
    with pytest.raises(OSError, match="Bad file descriptor"):
        port.socket.getsockname()


@pytest_twisted.ensureDeferred
async def test_what_goes_away_by_itself_at_once_is_not_left_behind():
    before = ReactorContents()
    fired: Deferred[None] = Deferred()
    reactor.callLater(0.02, fired.callback, None)

    await before.settle()

    assert fired.called
    assert before.clear() == []


@pytest_twisted.ensureDeferred
async def test_a_process_that_stands_still_while_things_go_away_has_its_turns_all_the_same():
    before = ReactorContents()
    fired: Deferred[None] = Deferred()

    def stand_still() -> None:
        time.sleep(1)
        reactor.callLater(0.02, fired.callback, None)

    reactor.callLater(0, stand_still)

    await before.settle()

    assert fired.called
    assert before.clear() == []
