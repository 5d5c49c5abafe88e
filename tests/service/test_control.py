"""The control socket: who is heard, what is answered, and that nothing it hears ends the mirror."""

import json
import os
import socket
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from support.forked import NOBODY

from mirrorfs.errors import ExitCode, MirrorError, StateError, TemporaryError
from mirrorfs.service.client import NotRunning, ask
from mirrorfs.service.control import CLIENTS, LINE, Control

Served = Callable[..., Any]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "mirror"
    place.mkdir(mode=0o700)
    return place


class Answers:
    """`echo`, `refuse`, `break`, and `wait`, which is answered when `go` is set."""

    def __init__(self) -> None:
        self.go, self.waits, self.left = trio.Event(), trio.Event(), trio.Event()
        self.table = {
            "echo": self.echo,
            "refuse": self.refuse,
            "break": self.fail,
            "wait": self.wait,
        }

    async def echo(self, question: dict[str, Any]) -> dict[str, Any]:
        return {"said": question["text"]}

    async def refuse(self, _: dict[str, Any]) -> dict[str, Any]:
        raise TemporaryError("not now", remedy="later")

    async def fail(self, _: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("one over nothing")

    async def wait(self, _: dict[str, Any]) -> dict[str, Any]:
        self.waits.set()
        try:
            await self.go.wait()
        finally:
            self.left.set()
        return {}


async def asked(directory: Path, what: str, **details: Any) -> dict[str, Any]:
    return await trio.to_thread.run_sync(partial(ask, str(directory), what, **details))


def connect(directory: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        client.connect(f"/proc/self/fd/{descriptor}/control")
    finally:
        os.close(descriptor)
    return client


def heard(client: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    with client:
        return b"".join(iter(partial(client.recv, 4096), b""))


async def test_what_is_asked_is_answered(directory: Path) -> None:
    with Control(str(directory), Answers().table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)
            odd = "a name \udcff\n with all that names may hold ☃"
            assert await asked(directory, "echo", text=odd) == {"said": odd}
            assert stat.S_IMODE(os.stat(directory / "control").st_mode) == 0o600
            nursery.cancel_scope.cancel()
    assert os.listdir(directory) == []


async def test_refusals_carry_message_remedy_and_exit_code(directory: Path) -> None:
    with Control(str(directory), Answers().table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)
            for what, message, remedy, code in (
                ("refuse", "not now", "later", ExitCode.TEMPORARY),
                ("nothing", "'nothing' cannot be asked", "echo, refuse", ExitCode.USAGE),
                ("break", "one over nothing", "", ExitCode.UNCATEGORISED),
            ):
                with pytest.raises(MirrorError) as caught:
                    await asked(directory, what)
                assert message in str(caught.value)
                assert remedy in caught.value.remedy
                assert caught.value.exit_code is code
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"\n", "is not JSON"),
        (b"{}\n", 'has no "ask"'),
        (b"[" * 60_000 + b"\n", "is not JSON"),
        (b'{"ask": 1}\n', 'has no "ask"'),
        (b'{"ask": "echo", "text": "no end of line"}', "no end of line"),
        (b"\xff\xfe\n", "is not JSON"),
        (b"x" * (LINE + 70_000), ""),
        (b"", ""),
    ],
)
async def test_whatever_is_sent_it_goes_on(directory: Path, sent: bytes, words: str) -> None:
    """Also where the client has nothing more to say and shuts its side, as `nc -N` does."""
    with Control(str(directory), Answers().table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)

            def tell() -> bytes:
                client = connect(directory)
                try:
                    client.sendall(sent)
                    client.shutdown(socket.SHUT_WR)
                    return heard(client)
                except OSError:  # closed while it was still being sent
                    return b""

            answer = await trio.to_thread.run_sync(tell)
            assert words.encode() in answer.replace(b'\\"', b'"')
            assert bool(answer) == bool(words)
            assert await asked(directory, "echo", text="still here") == {"said": "still here"}
            nursery.cancel_scope.cancel()


async def test_several_questions_on_one_connection(directory: Path) -> None:
    with Control(str(directory), Answers().table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)

            def tell() -> list[str]:
                client = connect(directory)
                client.sendall(b"".join(b'{"ask":"echo","text":"%d"}\n' % n for n in range(50)))
                client.shutdown(socket.SHUT_WR)
                return [json.loads(line)["said"] for line in heard(client).splitlines()]

            assert await trio.to_thread.run_sync(tell) == [str(n) for n in range(50)]
            nursery.cancel_scope.cancel()


async def test_who_hangs_up_is_not_waited_for(directory: Path) -> None:
    answers = Answers()
    with Control(str(directory), answers.table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)
            client = connect(directory)
            client.sendall(b'{"ask":"wait"}\n')
            with trio.fail_after(30):
                await answers.waits.wait()
                client.close()
                await answers.left.wait()
            assert not answers.go.is_set()
            nursery.cancel_scope.cancel()


async def test_more_clients_than_there_is_room_for_are_closed(directory: Path) -> None:
    with Control(str(directory), Answers().table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)
            clients = []
            for _ in range(CLIENTS):
                client = connect(directory)
                client.sendall(b'{"ask":"echo","text":""}\n')
                assert b"true" in await trio.to_thread.run_sync(client.recv, 100)
                clients.append(client)
            assert await trio.to_thread.run_sync(heard, connect(directory)) == b""
            for client in clients:
                client.close()
            with trio.fail_after(30):
                while True:  # a slot is free when its client's end was noticed
                    try:
                        assert await asked(directory, "echo", text="room") == {"said": "room"}
                        break
                    except NotRunning:
                        await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


@pytest.mark.root
async def test_other_users_are_not_heard(directory: Path, tmp_path: Path) -> None:
    with Control(str(directory), Answers().table) as control:
        for place in (directory, *directory.parents):
            if os.stat(place).st_uid == os.geteuid() and place.is_relative_to(tmp_path.parent):
                place.chmod(0o755)
        (directory / "control").chmod(0o666)  # even if nothing else keeps them out
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)

            def tell() -> int:
                child = os.fork()
                if child == 0:
                    try:
                        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                        descriptor = os.open(directory, os.O_RDONLY)
                        os.setresuid(NOBODY, NOBODY, NOBODY)
                        client.connect(f"/proc/self/fd/{descriptor}/control")
                        client.send(b'{"ask":"echo","text":"x"}\n')
                        os._exit(len(client.recv(100)))
                    except ConnectionError:
                        os._exit(0)
                    except BaseException:
                        os._exit(99)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

            assert await trio.to_thread.run_sync(tell) == 0
            assert await asked(directory, "echo", text="mine") == {"said": "mine"}
            nursery.cancel_scope.cancel()


async def test_a_dead_ones_socket_is_replaced_and_paths_may_be_long(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40) / ("path" * 20)
    directory.mkdir(parents=True)
    Control(str(directory), {}).__enter__()._listening.close()  # as a kill leaves it
    assert (directory / "control").is_socket()
    with pytest.raises(NotRunning):
        ask(str(directory), "echo")
    with Control(str(directory), Answers().table) as control:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve)
            assert await asked(directory, "echo", text="new") == {"said": "new"}
            nursery.cancel_scope.cancel()


def test_where_no_socket_can_be_the_state_is_to_blame(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot make the control socket"):
        Control(str(tmp_path / "missing"), {}).__enter__()
    with pytest.raises(NotRunning):
        ask(str(tmp_path / "missing"), "status")
