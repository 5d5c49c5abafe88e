"""How the service manager is to call this mirrorfs.

Law: always by a whole path, and by the one that an upgrade leaves where it is: the command beside
the interpreter, which in a virtual environment is that environment's.
"""

import os
import sys

from mirrorfs.errors import PermanentError


def program() -> list[str]:
    """The words."""
    command = os.path.join(os.path.dirname(sys.executable), "mirrorfs")
    return [command] if os.access(command, os.X_OK) else [sys.executable, "-m", "mirrorfs"]


def quoted(words: list[str]) -> str:
    """The words, for ExecStart=: quoted where they must be, and nothing in them is a specifier.
    Raises PermanentError."""
    if any(not word.isprintable() or set(word) & set("\"'\\") for word in words):
        raise PermanentError(
            f"systemd calls no program whose path has quotes or backslashes: {words[0]}",
            remedy="install mirrorfs in another place",
        )
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    word = word.replace("%", "%%")
    return f'"{word}"' if set(word) & set(" ;") else word


def foreign_owner() -> int | None:
    """The user who could change what is called, if it is not root."""
    return os.stat(program()[0]).st_uid or None
