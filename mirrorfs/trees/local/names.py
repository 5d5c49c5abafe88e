"""The names of our temporary files: ``.mirrorfs-<owner>-<8 hex><suffix>``, at most 44 bytes.

Law: a name is ours only if it matches as a whole and carries our mirror's owner id; anything else
is the user's and is mirrored like any other. The eight digits come from the name of the file that
is to be: a file transferred again after a crash finds its own leftover and takes its place.
"""

import re
import zlib
from os import fsencode

from mirrorfs.errors import SettingError

SUFFIX_LIMIT = 16  # rclone's, for --partial-suffix


class Temporaries:
    """The temporaries of one tree; those in use now are told from a killed run's leftovers."""

    def __init__(self, owner: str, suffix: str) -> None:
        if not re.fullmatch("[0-9a-f]{8}", owner):
            raise SettingError(f"owner id {owner!r} is not eight hexadecimal digits")
        if "/" in suffix or "\0" in suffix or len(fsencode(suffix)) > SUFFIX_LIMIT:
            raise SettingError(
                f"temporary suffix {suffix!r} cannot end a name",
                remedy=f"use at most {SUFFIX_LIMIT} bytes and no slash",
            )
        self.prefix = f".mirrorfs-{owner}-"
        self._suffix = suffix
        self._pattern = re.compile(re.escape(self.prefix) + "[0-9a-f]{8}" + re.escape(suffix))
        self._used: dict[tuple[str, str], object] = {}
        self._leftovers: dict[tuple[str, str], None] = {}

    def is_ours(self, name: str) -> bool:
        return name.startswith(self.prefix) and self._pattern.fullmatch(name) is not None

    def of(self, name: str) -> str:
        """The temporary name for ``name``, unless that is in use for another."""
        return self._numbered(_number(name))

    def claim(self, directory: str, name: str) -> str:
        """A temporary name for ``name``, nobody else's in its directory until it is released."""
        number = _number(name)
        mine = object()
        while True:
            temporary = self._numbered(number)
            # Atomic: two threads may want the same one.
            if self._used.setdefault((directory, temporary), mine) is mine:
                return temporary
            number = (number + 1) & 0xFFFFFFFF

    def release(self, directory: str, temporary: str) -> None:
        self._used.pop((directory, temporary), None)

    def met(self, directory: str, name: str) -> None:
        """`read` saw one of ours: remember it if nobody works on it."""
        if (directory, name) not in self._used:
            self._leftovers[directory, name] = None

    def left(self, directory: str, name: str) -> None:
        """One of ours, in use till now, could not be removed: it is a leftover from here on."""
        self._leftovers[directory, name] = None

    def take_leftovers(self) -> list[tuple[str, str]]:
        """(directory, name) of what was met and nobody works on now; they are forgotten."""
        leftovers, self._leftovers = self._leftovers, {}
        return [place for place in leftovers if place not in self._used]

    def places(self) -> set[str]:
        """The directories of what was met and is not taken."""
        return {where for where, _ in self._leftovers}

    def _numbered(self, number: int) -> str:
        return "%s%08x%s" % (self.prefix, number, self._suffix)  # noqa: UP031  (faster)


def _number(name: str) -> int:
    return zlib.crc32(name.encode(errors="surrogateescape"))
