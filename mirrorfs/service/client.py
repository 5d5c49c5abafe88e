"""Ask a running mirror, over its control socket (`mirrorfs.service.control` has the protocol).

Law: imports no trio, so that asking is as quick as looking. One connection per question; what goes
wrong is told as the mirror told it, with its exit code.
"""

import os
import socket
from typing import Any

from mirrorfs.core import carry
from mirrorfs.errors import ExitCode, MirrorError, TemporaryError

NAME = "control"


class NotRunning(TemporaryError):
    """Nobody answers at the socket: the mirror does not run."""

    def __init__(self, directory: str) -> None:
        super().__init__(
            f"nothing runs that keeps this mirror (no answer at {os.path.join(directory, NAME)})",
            remedy="`mirrorfs run SRC DST` starts one; `mirrorfs status` shows what runs",
        )


def ask(
    directory: str, what: str, *, within: float | None = 30.0, **details: Any
) -> dict[str, Any]:
    """The answer of the mirror whose state is in ``directory``, waiting for it for so many seconds
    (None: as long as it takes). Raises NotRunning, TemporaryError when it does not answer in time,
    and MirrorError for what it refuses."""
    question = carry.dumps({"ask": what, **details}).encode() + b"\n"
    answer = b""
    try:
        with _connected(directory, within) as asking:
            asking.sendall(question)
            while not answer.endswith(b"\n"):
                if not (piece := asking.recv(1 << 16)):
                    raise NotRunning(directory)
                answer += piece
    except TimeoutError:
        raise TemporaryError(f"no answer within {within:.0f} s to {what!r}") from None
    except OSError as error:
        raise NotRunning(directory) from error
    said: dict[str, Any] = carry.loads(answer)
    if not said.pop("ok"):
        refused = MirrorError(said["error"], remedy=said["remedy"])
        refused.exit_code = ExitCode(said["code"])
        raise refused
    return said


def _connected(directory: str, within: float | None) -> socket.socket:
    """Through a descriptor: the path of a socket has at most 108 bytes. Raises OSError."""
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            asking.settimeout(within)
            asking.connect(f"/proc/self/fd/{parent}/{NAME}")
        except BaseException:
            asking.close()
            raise
        return asking
    finally:
        os.close(parent)
