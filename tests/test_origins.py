"""The ``allowed_origins`` setting: which entries are good, and whom they let in."""

import pytest

from chip.config.origins import origin_allowed, parse_allowed_origins

SHOP = "https://shop.example.org"


def allowed(origin: str | None, *entries: str) -> bool:
    return origin_allowed(origin, parse_allowed_origins(entries))


def test_without_entries_every_website_may_chat() -> None:
    assert allowed(SHOP)
    assert allowed("http://localhost:3000")


def test_a_star_is_every_website() -> None:
    assert allowed(SHOP, "*")


def test_an_exact_entry_lets_in_that_origin_alone() -> None:
    assert allowed(SHOP, SHOP)
    assert not allowed("http://shop.example.org", SHOP)
    assert not allowed("https://shop.example.org:8443", SHOP)
    assert not allowed("https://example.org", SHOP)
    assert not allowed("https://shop.example.org.evil.example", SHOP)
    assert not allowed("https://evil.example/https://shop.example.org", SHOP)


def test_one_of_several_entries_is_enough() -> None:
    assert allowed("https://b.example", "https://a.example", "https://b.example")


@pytest.mark.parametrize("entry", ["HTTPS://Shop.Example.ORG", f"{SHOP}/", f"{SHOP}:443"])
def test_an_entry_may_be_written_as_people_write_it(entry: str) -> None:
    assert allowed(SHOP, entry)


def test_an_unusual_port_is_part_of_the_origin() -> None:
    assert allowed("http://localhost:3000", "http://localhost:3000")
    assert not allowed("http://localhost", "http://localhost:3000")


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example.org",
        "https://a.b.example.org",
        "https://xn--bcher-kva.example.org",
        "HTTPS://A.Example.ORG",
    ],
)
def test_a_wildcard_lets_in_every_name_below(origin: str) -> None:
    assert allowed(origin, "https://*.example.org")


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.org",
        "https://.example.org",
        "http://a.example.org",
        "https://aexample.org",
        "https://a.example.org:8443",
        "https://evil.example/.example.org",
        "https://evil.example?.example.org",
        "https://user@evil.example:1.example.org",
        "https://..example.org",
        "https://a..example.org",
        "https://.a.example.org",
        "https://a.example.org.",
        "https://a.example.org..",
        "https://a.example.org/",
        "https://a.example.org:",
        "https://a.example.org:443",
        "https://user@a.example.org",
        "https://*.example.org",
        "https://bücher.example.org",
        "https://a.example.org\xa0",
        " https://a.example.org",
        "https://a.example.org, https://b.example.org",
        "https://a.example.org https://b.example.org",
        "",
    ],
)
def test_a_wildcard_lets_in_nobody_else(origin: str) -> None:
    assert not allowed(origin, "https://*.example.org")


def test_a_wildcard_may_name_a_port() -> None:
    assert allowed("https://a.example.org:8443", "https://*.example.org:8443")


def test_pages_without_an_origin_may_chat_where_any_website_may_or_by_name() -> None:
    assert allowed("null")
    assert allowed("null", SHOP, "*")
    assert allowed("null", SHOP, "null")
    assert not allowed("null", SHOP)


def test_a_client_that_is_no_browser_is_let_in() -> None:
    assert allowed(None, SHOP)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https://*",
        "https://a.*.org",
        "https://example.org/path",
        "https://example.org:port",
        "https://bücher.example",
        "https://*..example.org",
        "https://example.org.",
        "https://user@example.org",
        "https://*.*.example.org",
    ],
)
def test_an_entry_that_is_no_origin_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ValueError, match="not an origin") as refusal:
        parse_allowed_origins([entry])
    assert repr(entry) in str(refusal.value)
