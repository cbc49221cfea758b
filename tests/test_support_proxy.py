"""The misbehaving proxy, between a client and a server that says everything back."""

import socket
import time

import pytest

from tests.support.echo import echo, exchange, hear
from tests.support.proxy import FaultyProxy


@pytest.fixture
def proxy():
    with echo() as port, FaultyProxy(port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy):
    with dial(proxy) as client:
        yield client


def dial(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_without_a_fault_everything_passes(proxy, client):
    assert exchange(client) == b"hello"
    assert exchange(client, b"x" * 1_000_000) == b"x" * 1_000_000
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    assert proxy.accepted == 1


def test_latency_holds_data_back(proxy, client):
    proxy.latency(0.05)
    began = time.monotonic()

    exchange(client)

    assert time.monotonic() - began >= 0.1


def test_a_black_hole_answers_nothing_until_healed(proxy, client):
    exchange(client)
    proxy.black_hole()
    client.sendall(b"hello")
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(5)

    client.settimeout(5)
    proxy.heal()

    assert hear(client, 5) == b"hello"


def test_a_slow_line_takes_its_time_and_a_healed_one_does_not(proxy, client):
    proxy.slow(1000)
    began = time.monotonic()
    exchange(client, b"x" * 200)
    slow = time.monotonic() - began

    client.sendall(b"x" * 100_000)
    proxy.heal()

    assert slow >= 0.1
    assert hear(client, 100_000) == b"x" * 100_000


def test_reset_ends_open_connections_and_takes_new_ones(proxy, client):
    exchange(client)

    proxy.reset()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with dial(proxy) as another:
        assert exchange(another) == b"hello"


def test_refuse_ends_everything_until_healed(proxy, client):
    exchange(client)

    proxy.refuse()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        dial(proxy)
    proxy.heal()
    with dial(proxy) as another:
        assert exchange(another) == b"hello"


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_connection_is_cut_after_so_many_bytes_and_the_next_is_not(proxy, client, direction):
    proxy.cut_after(8, direction)

    assert exchange(client) == b"hello"
    client.sendall(b"hello")
    with pytest.raises(ConnectionResetError):
        while client.recv(100):
            pass
    with dial(proxy) as another:
        assert exchange(another, b"hello again") == b"hello again"


def test_a_target_that_is_away_resets_the_client():
    # The reset may come as soon as the connection stands: while dialling already.
    with FaultyProxy(1) as proxy, pytest.raises(ConnectionResetError), dial(proxy) as client:
        client.recv(1)
