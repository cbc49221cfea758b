"""The token buckets, and what `limits = "off"` lifts."""

import math

from chip.buckets import AddressBuckets, Buckets, FailureBudget, TokenBucket, per_minute, take_all
from chip.limits import Limits


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(now=0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(now=0) == 0.5
    assert bucket.take(now=0.5) == 0
    assert bucket.take(now=0.5) == 0.5


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=1, burst=2)
    bucket.take(now=0)
    assert [bucket.take(now=1000) for _ in range(3)] == [0, 0, 1]


def test_a_bucket_survives_a_clock_that_goes_backwards() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.take(now=100) == 0
    assert bucket.take(now=50) == 1


def test_a_bucket_is_full_again_when_it_has_forgotten_everything() -> None:
    bucket = TokenBucket(rate=1, burst=2)
    bucket.take(now=0, count=2)
    assert not bucket.is_full(now=1)
    assert bucket.is_full(now=2)


def test_limits_off_lifts_every_rate_and_keeps_every_size_and_deadline() -> None:
    before, after = Limits(), Limits().without_rates()
    changed = {
        name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)
    }
    assert changed == {
        "frames_per_second",
        "pings_per_second",
        "commands_per_second",
        "bad_commands_per_minute",
        "history_per_second",
        "history_bytes_per_second",
        "address_history_bytes_per_second",
        "emails_per_minute",
        "sends_per_second",
        "address_sends_per_second",
        "new_chats_per_minute",
        "channel_new_chats_per_minute",
        "connects_per_second",
        "vain_lookups_per_second",
        "unproven_bytes_per_second",
        "wrong_secrets_per_minute",
        "desk_logins_per_minute",
        "sockets_per_address",
        "commands_at_once",
        "unfinished_per_address",
    }
    assert TokenBucket(after.sends_per_second, burst=1).take(now=0, count=10**9) == 0
    assert after.sends_per_second == math.inf


def test_a_rate_a_minute_is_given_at_once_but_never_less_than_one() -> None:
    assert per_minute(30) == (0.5, 30)
    assert per_minute(0.5) == (0.5 / 60, 1)
    assert TokenBucket(*per_minute(math.inf)).take(now=0, count=10**9) == 0


def test_a_bucket_can_be_asked_without_taking_anything() -> None:
    bucket = TokenBucket(rate=2, burst=1)
    assert [bucket.wait(now=0), bucket.wait(now=0)] == [0, 0]
    bucket.take(now=0)
    assert bucket.wait(now=0) == 0.5
    assert bucket.wait(now=0.5) == 0


def test_every_key_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert [buckets.take("a", now=0), buckets.take("b", now=0)] == [0, 0]
    assert buckets.take("a", now=0) == 1


def test_of_several_buckets_all_give_or_none() -> None:
    own, common = Buckets(rate=1, burst=1), Buckets(rate=1, burst=3)
    assert take_all(0, (common, "all"), (own, "a")) == 0
    assert [take_all(0, (common, "all"), (own, "a")) for _ in range(50)] == [1] * 50
    assert [take_all(0, (common, "all"), (own, name)) for name in "bcd"] == [0, 0, 1]


def test_buckets_that_are_full_again_are_forgotten() -> None:
    buckets = Buckets(rate=1, burst=1)
    for key in range(Buckets.SWEEP_FROM):
        buckets.take(key, now=0)
    buckets.take("busy", now=100)
    assert len(buckets) == 1
    assert buckets.take("busy", now=100) == 1


def test_looking_into_a_bucket_takes_nothing_from_it() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert [buckets.wait("a", now=0) for _ in range(3)] == [0, 0, 0]
    assert len(buckets) == 0
    buckets.take("a", now=0)
    assert buckets.wait("a", now=0.5) == 0.5
    assert buckets.wait("b", now=0.5) == 0


def test_a_network_of_ipv6_has_a_bucket_above_those_of_its_addresses() -> None:
    buckets = AddressBuckets(rate=1, burst=1, networks=2)
    first, second, third = (f"2001:db8:7:{number}::/64" for number in (1, 2, 3))
    assert [buckets.take(first, now=0), buckets.take(first, now=0)] == [0, 1]
    assert [buckets.take(second, now=0), buckets.take(third, now=0)] == [0, 0.5]
    assert buckets.take("2001:db8:8:1::/64", now=0) == 0
    buckets.give_back(second)
    assert buckets.take(third, now=0) == 0


def test_addresses_of_ipv4_have_nothing_in_common_and_no_address_has_no_bucket() -> None:
    buckets = AddressBuckets(rate=1, burst=1, networks=2)
    addresses = [f"203.0.113.{number}" for number in range(9)]
    assert [buckets.take(address, now=0) for address in addresses] == [0] * 9
    assert [buckets.take("", now=0) for _ in range(9)] == [0] * 9
    assert buckets.take(addresses[0], now=0) == 1


def test_a_budget_that_others_have_used_up_is_there_for_whoever_has_not_failed_lately() -> None:
    budget = FailureBudget(rate=1, burst=2)
    for _ in range(2):
        assert budget.wait("a", now=0) == 0
        budget.failed("a", now=0)
    assert budget.wait("a", now=0) == 1
    assert budget.wait("b", now=0) == 0
    budget.failed("b", now=0)
    assert budget.wait("b", now=0) == 1
    assert budget.wait("b", now=1) == 0


def test_who_has_failed_is_a_stranger_to_the_budget_again_after_a_minute() -> None:
    budget = FailureBudget(rate=0.001, burst=1)
    budget.failed("a", now=0)
    assert budget.wait("a", now=59) > 0
    assert budget.wait("a", now=60) == 0
