"""Raw bytes to a real server: heads that do not end, or that two readers read differently."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from serving.http import protocol
from serving.http.door import Door, Receive, Scope, Send

HEAD = b"POST /v1/scores HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer kw_1_x\r\n"


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive()).get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"took " + body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Give the port of a door with nothing but an echo behind it."""
    door = Door(_echo, inner=_echo, body_bytes=1_000, concurrency=4)
    config = uvicorn.Config(
        door, http=protocol.BoundedHead, log_config=None, lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True
        )
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=5)


def say(port: int, *pieces: bytes, waits: bool = False) -> bytes:
    """Send bytes as they are and give everything that comes back; `waits`: as if more came."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            if not waits:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # hung up on; what was said before is still there to read
        while got := _more(connection):
            answer += got
        return answer


def _more(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_usual_request_is_taken(port: int) -> None:
    answer = say(port, HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nok")
    assert (status(answer), b"took ok" in answer) == (200, True)


def test_a_head_in_pieces_is_taken(port: int) -> None:
    answer = say(port, HEAD, b"Content-Le", b"ngth: 2\r\nConnection: close\r\n\r\no", b"k")
    assert b"took ok" in answer


def test_a_head_that_never_ends_is_given_up(port: int) -> None:
    answer = say(port, HEAD, *[b"X-%d: %s\r\n" % (k, b"a" * 1_000) for k in range(500)], waits=True)
    assert answer == b"" or status(answer) == 431


def test_a_name_that_never_ends_is_given_up(port: int) -> None:
    answer = say(port, HEAD + b"X", *[b"a" * 10_000] * 50, waits=True)
    assert answer == b"" or status(answer) == 431


def test_a_head_that_does_not_come_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"POST /v1/sc")
        assert status(connection.recv(65_536)) == 408
        assert connection.recv(65_536) == b""


def test_a_second_head_that_does_not_come_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            answer += connection.recv(65_536)
        connection.sendall(b"POST /v1/sc")
        assert (status(answer), status(connection.recv(65_536))) == (200, 408)


def test_a_connection_that_says_nothing_is_closed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        assert connection.recv(65_536) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nContent-Length: 5\r\n",
        b"Content-Length: 2, 5\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length : 2\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n",
        b"X: a\r\n Content-Length: 2\r\n",
        b"X: a\x00b\r\n",
        b"Authorization: Bearer kw_2_y\r\n",
        b"Host: b\r\n",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(port: int, head: bytes) -> None:
    """Request smuggling: a proxy and the service must never see two different requests."""
    smuggled = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = say(port, HEAD + head + b"Connection: close\r\n\r\n", b"ok" + smuggled)
    assert status(answer) in (400, 422)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_socket_that_asks_for_another_protocol_is_turned_away(port: int) -> None:
    answer = say(
        port,
        b"GET /v1/scores HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    assert status(answer) in (401, 403)
