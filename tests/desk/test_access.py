"""Who gets to the desk."""

from __future__ import annotations

from twisted.internet.task import Clock

from chip.desk.access import ATTEMPTS_PER_MINUTE, DAYS, Access

KEY = b"k" * 32


def access(token: str = "", key: bytes = KEY, clock: Clock | None = None) -> Access:
    return Access(token, key, (clock or Clock()).seconds)


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


def test_a_cookie_outlives_a_restart():
    cookie = access().new_cookie()
    assert access().is_cookie(cookie)


def test_a_cookie_ends_with_its_days():
    clock = Clock()
    guard = access(clock=clock)
    cookie = guard.new_cookie()
    clock.advance(DAYS * 86_400 - 1)
    assert guard.is_cookie(cookie)
    clock.advance(1)
    assert not guard.is_cookie(cookie)


def test_a_cookie_of_another_installation_or_another_configured_token_is_worth_nothing():
    cookie = access("old").new_cookie()
    assert access("old").is_cookie(cookie)
    assert not access("new").is_cookie(cookie)
    assert not access("old", key=b"x" * 32).is_cookie(cookie)


def test_a_cookie_cannot_be_made_up_or_prolonged():
    guard = access()
    until, _, mac = guard.new_cookie().partition(".")
    for forged in ("", ".", until, f"{int(until) + 1}.{mac}", f"{until}.{'0' * 64}", "é.é", "x.y"):
        assert not guard.is_cookie(forged)


def test_installations_name_their_cookies_apart():
    assert access().cookie_name == access().cookie_name
    assert access().cookie_name != access(key=b"x" * 32).cookie_name


def test_attempts_are_counted_by_address():
    clock = Clock()
    guard = access(clock=clock)
    for _ in range(ATTEMPTS_PER_MINUTE):
        assert guard.wait("192.0.2.1") == 0
    assert guard.wait("192.0.2.1") > 0
    assert guard.wait("192.0.2.2") == 0
    clock.advance(60 / ATTEMPTS_PER_MINUTE)
    assert guard.wait("192.0.2.1") == 0
