"""Answers of Courier, byte by byte."""

from __future__ import annotations

from itertools import pairwise

import pytest
from httptools import HttpParserError
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock

from tests.support.http_lines import MAX_ANSWER, OK, Server, agent_for, ask, heard, swallow


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def agent(server):
    return agent_for(server, Clock())


WHOLE = [
    (OK, b"hi"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"hi"),
    (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 Still\r\n\r\n" + OK, b"hi"),
    (b"HTTP/1.1 204 No\r\n\r\n", b""),
    (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", b""),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1\r\nh\r\n1;x=y\r\ni\r\n0\r\nTrailer: z\r\n\r\n",
        b"hi",
    ),
]


@given(st.sampled_from(WHOLE), st.data())
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(sent, data):
    answer, body = sent
    server = Server()
    asked = ask(agent_for(server, Clock()))
    cuts = data.draw(st.sets(st.integers(1, len(answer) - 1), max_size=5).map(sorted))
    for start, end in pairwise([0, *cuts, len(answer)]):
        assert not asked.called
        server.lines[0].says(answer[start:end])
    assert heard(asked.result) == body
    assert asked.result.code == int(answer.split(b"HTTP/1.1 ")[-1][:3])
    assert not server.lines[0].disconnecting


def test_the_head_of_an_answer_is_told(agent, server):
    asked = ask(agent)
    server.lines[0].says(b"HTTP/1.1 301 Gone Away\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
    response = asked.result
    assert (response.code, response.phrase, response.length) == (301, b"Gone Away", 0)
    assert response.headers.getRawHeaders("location") == ["/there"]


def test_an_answer_without_a_length_ends_with_its_connection(agent, server):
    asked = ask(agent)
    server.lines[0].says(b"HTTP/1.0 503 Oh\r\n\r\nback ")
    server.lines[0].says(b"soon")
    assert not asked.called
    server.lines[0].ends(ConnectionDone())
    assert (asked.result.code, heard(asked.result)) == (503, b"back soon")


@pytest.mark.parametrize(
    ("begun", "end"),
    [
        (b"", ConnectionDone),
        (b"HTTP/1.1 200", ConnectionDone),
        (b"HTTP/1.1 200 OK\r\n\r\nback ", ConnectionLost),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nback ", ConnectionDone),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", ConnectionDone),
        (b"HTTP/1.1 100 Continue\r\n\r\n", ConnectionDone),
    ],
)
def test_half_an_answer_is_none(agent, server, begun, end):
    asked = ask(agent)
    server.lines[0].says(begun)
    server.lines[0].ends(end())
    assert isinstance(swallow(asked), end)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi",
    ],
)
def test_nonsense_is_no_answer_and_ends_the_connection(agent, server, nonsense):
    asked = ask(agent)
    server.lines[0].says(nonsense)
    assert isinstance(swallow(asked), HttpParserError)
    assert server.lines[0].aborted
    server.lines[0].ends(ConnectionLost())


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MAX_ANSWER),
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * MAX_ANSWER,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
    ],
)
def test_an_answer_that_is_too_long_is_cut_off(agent, server, endless):
    asked = ask(agent)
    server.lines[0].says(endless[:100])
    server.lines[0].says(endless[100:])
    assert "too long" in str(swallow(asked))
    assert server.lines[0].aborted
