"""Who gets to the desk."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from chip.desk.access import Access
from chip.limits import Limits

KEY = b"k" * 32


def access(
    token: str = "", key: bytes = KEY, clock: Clock | None = None, limits: Limits | None = None
) -> Access:
    return Access(token, key, (clock or Clock()).seconds, limits or Limits(), lambda _: None)


def test_a_token_is_made_where_none_is_configured_and_is_hard_to_guess():
    one, other = access(), access()
    assert one.token != other.token
    assert len(one.token) >= 32
    assert one.is_token(one.token)
    assert not one.is_token(other.token)


def test_a_configured_token_is_the_token():
    assert access("sesame").is_token("sesame")
    assert not access("sesame").is_token("Sesame")
    assert not access("sesame").is_token("")
    assert not access("sesame").is_token("sésame")


def test_installations_name_their_cookies_apart():
    assert access().cookie_name == access().cookie_name
    assert access().cookie_name != access(key=b"x" * 32).cookie_name


def test_another_configured_token_has_another_label_and_one_made_at_a_start_has_not():
    assert access().label == access().label
    assert len({access().label, access("old").label, access("new").label}) == 3
    assert access("old").label != access("old", key=b"x" * 32).label


def test_an_address_has_ten_wrong_attempts_a_minute_and_a_right_one_always_gets_in():
    clock = Clock()
    guard = access("sesame", clock=clock)
    assert [guard.come_in("guess", "192.0.2.1") for _ in range(10)] == [("wrong_token", 0)] * 10
    assert guard.come_in("guess", "192.0.2.1") == ("too_many", 6)
    assert guard.come_in("sesame", "192.0.2.1") == ("let_in", 0)
    assert guard.come_in("guess", "192.0.2.2") == ("wrong_token", 0)
    clock.advance(6)
    assert guard.come_in("guess", "192.0.2.1") == ("wrong_token", 0)


def test_who_gets_in_uses_nothing_up():
    guard = access("sesame")
    assert [guard.come_in("sesame", "192.0.2.1") for _ in range(20)] == [("let_in", 0)] * 20
    assert guard.come_in("guess", "192.0.2.1") == ("wrong_token", 0)


def test_less_than_one_attempt_a_minute_is_one_at_a_time():
    clock = Clock()
    guard = access("sesame", clock=clock, limits=Limits(desk_logins_per_minute=0.5))
    assert guard.come_in("guess", "192.0.2.1") == ("wrong_token", 0)
    assert guard.come_in("guess", "192.0.2.1") == ("too_many", 120)


def test_all_addresses_of_a_network_count_as_one_and_so_do_those_that_nobody_knows():
    guard = access("sesame")
    for number in range(10):
        assert guard.come_in("guess", f"2001:db8:7:{number}::/64")[0] == "wrong_token"
        assert guard.come_in("guess", "")[0] == "wrong_token"
    for address in ("2001:db8:7:ffff::/64", ""):
        assert guard.come_in("guess", address)[0] == "too_many"
        assert guard.come_in("sesame", address)[0] == "let_in"


def test_what_came_of_each_attempt_is_counted_and_failures_are_logged_once_a_minute():
    clock, counted = Clock(), []
    guard = Access("sesame", KEY, clock.seconds, Limits(), counted.append)
    with capturedLogs() as lines:
        for token in ("sesame", *["guess"] * 10):
            guard.come_in(token, "192.0.2.1")
        clock.advance(60)
        guard.come_in("guess", "192.0.2.2")
    assert counted == ["let_in", *["wrong_token"] * 10, "wrong_token"]
    assert [formatEvent(line) for line in lines] == [
        "1 attempts to come in at the desk failed (the last one from 192.0.2.1)",
        "10 attempts to come in at the desk failed (the last one from 192.0.2.2)",
    ]
