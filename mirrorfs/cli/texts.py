"""The files that flags name, read: rules, lists of names. ``-`` is standard input."""

import os
import sys

from mirrorfs.errors import SettingError


def read_text(flag: str, file: str) -> str:
    """What a file holds; bytes that are not UTF-8 survive. Raises SettingError."""
    try:
        if file == "-":
            return os.fsdecode(sys.stdin.buffer.read())
        with open(file, "rb") as stream:
            return os.fsdecode(stream.read())
    except OSError as error:
        raise SettingError(
            f"Failed to load filters: {flag} {file}: {error.strerror}", remedy="check the path"
        ) from error
