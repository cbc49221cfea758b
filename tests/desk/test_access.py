"""Who gets to the desk."""

from __future__ import annotations

from twisted.internet.task import Clock

from chip.desk.access import ATTEMPTS_PER_MINUTE, Access

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


def test_installations_name_their_cookies_apart():
    assert access().cookie_name == access().cookie_name
    assert access().cookie_name != access(key=b"x" * 32).cookie_name


def test_another_configured_token_has_another_label_and_one_made_at_a_start_has_not():
    assert access().label == access().label
    assert len({access().label, access("old").label, access("new").label}) == 3
    assert access("old").label != access("old", key=b"x" * 32).label


def test_attempts_are_counted_by_address():
    clock = Clock()
    guard = access(clock=clock)
    for _ in range(ATTEMPTS_PER_MINUTE):
        assert guard.wait("192.0.2.1") == 0
    assert guard.wait("192.0.2.1") > 0
    assert guard.wait("192.0.2.2") == 0
    clock.advance(60 / ATTEMPTS_PER_MINUTE)
    assert guard.wait("192.0.2.1") == 0
