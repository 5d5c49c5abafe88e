"""The control socket of a running mirror: one line of JSON asks, one line answers.

Law: only the mirror's owner and root are heard, and whatever is asked, the mirror goes on: a
question that cannot be read, a client that goes away, more clients than there is room for are
answered or closed, never waited for.

    STATE/mirrors/NAME-ID/control       a Unix stream socket, mode 0600, in a directory of mode 0700

    asked     {"ask": "wait", "seconds": 30}
    answered  {"ok": true, "complete": true, "owed": {}, ...}
    or        {"ok": false, "error": "...", "remedy": "...", "code": 5}

Any number of questions per connection, one after the other; each is one line of UTF-8 of at most
`LINE` bytes. Names that are not UTF-8 have their bytes beside them (`mirrorfs.core.carry`).
``code`` is the exit code a command should end with. What may be asked is the table that `Control`
is given; docs/control.md lists it.
"""

import logging
import os
import select
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import trio

from mirrorfs.core import carry
from mirrorfs.errors import MirrorError, StateError, UsageError
from mirrorfs.service.client import NAME

LINE = 64 << 10
CLIENTS = 32
PATIENCE = 30.0  # seconds a client may take over a question, or to take its answer

Question = dict[str, Any]
Answer = Callable[[Question], Awaitable[dict[str, Any]]]

_log = logging.getLogger(__name__)
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Control:
    """The socket in a mirror's state directory, while this context manager is open. Only one
    process may open it: whoever holds what makes it the only one to follow this mirror; a socket
    that lies there is a dead one's. Raises StateError on entering.

    ``answers``: by what is asked; each takes the question and gives what is added to the answer,
    or raises MirrorError.
    """

    def __init__(self, directory: str, answers: Mapping[str, Answer]) -> None:
        self._directory = directory
        self._answers = answers
        self._clients = 0

    def __enter__(self) -> Self:
        try:
            self._listening = _listen(self._directory)
        except OSError as error:
            raise StateError(
                f"cannot make the control socket in {self._directory}: {error.strerror}",
                remedy="give its disk room, or choose another place with --state-dir",
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.close()
        with suppress(OSError):
            os.unlink(os.path.join(self._directory, NAME))

    async def serve(self) -> None:
        """Answer until cancelled."""
        listening = trio.socket.from_stdlib_socket(self._listening)
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    client, _ = await listening.accept()
                except OSError as error:  # no descriptors left, or it went away
                    _log.warning("a client of the control socket was not heard: %s", error)
                    await trio.sleep(1)
                    continue
                if self._clients >= CLIENTS or not _may_ask(client):
                    client.close()
                    continue
                self._clients += 1
                nursery.start_soon(self._attend, client)

    async def _attend(self, client: trio.socket.SocketType) -> None:
        conversation = _Conversation(client)
        try:
            while (line := await conversation.question()) is not None:
                said = await conversation.unless_gone(partial(self._answer, line))
                if said is None:
                    return
                await conversation.say(said)
        except (OSError, trio.TooSlowError):
            pass  # it went away; nobody is told
        finally:
            self._clients -= 1
            client.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = _read(line)
            answer = self._answers.get(question["ask"])
            if answer is None:
                known = ", ".join(self._answers)
                raise UsageError(f"{question['ask']!r} cannot be asked", remedy=f"ask: {known}")
            return {"ok": True, **await answer(question)}
        except MirrorError as error:
            return _refused(str(error), error.remedy, error.exit_code)
        except Exception as error:
            _log.exception("a question at the control socket could not be answered")
            return _refused(f"internal error: {error!r}", "", MirrorError.exit_code)


async def serve_if_possible(
    directory: str, answers: Mapping[str, Answer], said: Callable[[str], None]
) -> None:
    """Answer until cancelled. A mirror that nobody can ask is still one: where no socket can be
    made, that is said, and nothing more happens."""
    try:
        with Control(directory, answers) as control:
            await control.serve()
    except StateError as error:
        said(f"{error}: nobody can ask this mirror anything ({error.remedy})")


class _Conversation:
    """Lines from a client, and answers to it."""

    def __init__(self, client: trio.socket.SocketType) -> None:
        self._client = client
        self._heard = bytearray()
        self._ended = False

    async def question(self) -> bytes | None:
        """The next line; ``None`` when there is none to come. Raises TooSlowError."""
        with trio.fail_after(PATIENCE):
            while (end := self._heard.find(b"\n")) < 0:
                if self._ended or len(self._heard) > LINE:
                    rest, self._heard = bytes(self._heard), bytearray()
                    return rest if rest and len(rest) <= LINE else None
                await self._hear()
        line = bytes(self._heard[:end])
        del self._heard[: end + 1]
        return line

    async def say(self, answer: dict[str, Any]) -> None:
        left = memoryview(carry.dumps(answer).encode() + b"\n")
        with trio.fail_after(PATIENCE):
            while left:
                left = left[await self._client.send(left) :]

    async def unless_gone(
        self, answer: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any] | None:
        """The answer; ``None`` when the client hangs up before there is one."""
        said: list[dict[str, Any]] = []

        async def listen() -> None:
            while len(self._heard) <= LINE:
                if not await self._hear():
                    if self._hung_up():
                        nursery.cancel_scope.cancel()
                    return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            said.append(await answer())
            nursery.cancel_scope.cancel()
        return said[0] if said else None

    async def _hear(self) -> bool:
        """Whether something came; nothing more will when not."""
        try:
            piece = await self._client.recv(LINE)
        except OSError:
            piece = b""
        self._heard += piece
        self._ended = not piece
        return not self._ended

    def _hung_up(self) -> bool:
        """Whether nobody reads either: a client that only has no more to ask still listens."""
        poller = select.poll()
        poller.register(self._client.fileno(), 0)
        return any(event & select.POLLHUP for _, event in poller.poll(0))


def _listen(directory: str) -> socket.socket:
    """A listening socket at its name, in place of whatever was there. Raises OSError.

    The name is reached through a descriptor: the path of a socket has at most 108 bytes. It gets
    its name when it listens, so that nobody is refused at a socket that is there.
    """
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listening.fileno(), 0o600)  # becomes the mode of the name
            new = f"{NAME}.new"
            with suppress(FileNotFoundError):
                os.unlink(new, dir_fd=parent)
            listening.bind(f"/proc/self/fd/{parent}/{new}")
            listening.listen(CLIENTS)
            os.rename(new, NAME, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            listening.close()
            raise
        return listening
    finally:
        os.close(parent)


def _may_ask(client: trio.socket.SocketType) -> bool:
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    return user in (0, os.geteuid())


def _read(line: bytes) -> Question:
    try:
        question = carry.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError("the question is not JSON") from error
    if not isinstance(question, dict) or not isinstance(question.get("ask"), str):
        raise UsageError('the question has no "ask"', remedy='ask like {"ask": "status"}')
    return question


def _refused(error: str, remedy: str, code: int) -> dict[str, Any]:
    return {"ok": False, "error": error, "remedy": remedy, "code": int(code)}
