"""One thing that is done: a file written, a file removed, a command.

Law: a step says what it does in the words in which somebody could do it by hand.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterable

from mirrorfs.core.record import record
from mirrorfs.errors import PermanentError


@record
class Write:
    """A file, in one step; ``replaces``: another text is there."""

    path: str
    text: str
    replaces: bool

    def __str__(self) -> str:
        return f"{'replace' if self.replaces else 'write'} {self.path}"

    def do(self) -> None:
        """Raises OSError."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        temporary = f"{self.path}.mirrorfs-new"
        with open(temporary, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(self.text)
        os.replace(temporary, self.path)


@record
class Remove:
    """A file."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"

    def do(self) -> None:
        """Raises OSError."""
        os.unlink(self.path)


@record
class Command:
    """A program; ``remedy``: what helps when it fails."""

    words: list[str]
    remedy: str = ""

    def __str__(self) -> str:
        return shlex.join(self.words)

    def do(self) -> None:
        """Raises OSError, PermanentError."""
        environment = {"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}", **os.environ}
        done = subprocess.run(
            self.words,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=environment,
        )
        if done.returncode:
            said = done.stderr.strip().partition("\n")[0]
            raise PermanentError(f"`{self}` failed: {said}", remedy=self.remedy)


Step = Write | Remove | Command


def carry_out(steps: Iterable[Step], said: Callable[[str], None], *, dry: bool) -> int:
    """Each, said before it is done; how many there were. Raises PermanentError."""
    count = 0
    for step in steps:
        count += 1
        said(str(step))
        if dry:
            continue
        try:
            step.do()
        except OSError as error:
            raise PermanentError(
                f"cannot {step}: {error.strerror}", remedy="see who may"
            ) from error
    return count
