"""The network that can be cut, between callers and a server that says everything back."""

import socket

import pytest

from tests.support.echo import echo, exchange, hear
from tests.support.links import EVERYBODY_ELSE, Link, Links
from tests.support.process import free_port

SERVER, CALLER = "127.0.8.1", "127.0.8.2"


@pytest.fixture
def links():
    with echo() as port, Links([Link(free_port(), port, SERVER)]) as links:
        yield links


def call(links, source):
    return socket.create_connection(("127.0.0.1", links.links[0].port), 5, (source, 0))


def is_silent(connection):
    connection.settimeout(0.3)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(30)
    return False


@pytest.mark.parametrize(("some", "others"), [(SERVER, CALLER), (CALLER, SERVER)])
def test_who_is_cut_off_neither_hears_nor_is_heard_and_the_others_notice_nothing(
    links, some, others
):
    with call(links, CALLER) as cut_off, call(links, EVERYBODY_ELSE) as other:
        assert exchange(cut_off) == exchange(other) == b"hello"
        links.cut([some], [others])
        cut_off.sendall(b"anyone?")
        assert is_silent(cut_off)
        assert exchange(other) == b"hello"
        # What was sent meanwhile is sent again: it is a network, and this is TCP.
        links.mend()
        assert hear(cut_off, 7) == b"anyone?"


def test_who_is_cut_off_gets_no_answer_when_he_calls_until_the_cut_is_mended(links):
    links.cut([SERVER], [CALLER])
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", links.links[0].port), 0.5, (CALLER, 0))
    with call(links, EVERYBODY_ELSE) as other:
        assert exchange(other) == b"hello"
    links.mend()
    with call(links, CALLER) as again:
        assert exchange(again, b"x" * 1_000_000) == b"x" * 1_000_000


def test_an_end_is_passed_on(links):
    with call(links, CALLER) as caller:
        assert exchange(caller) == b"hello"
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(1) == b""
