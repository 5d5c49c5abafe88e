"""How a place is written: a path, or a folder of a file system that may be mounted anywhere.

    UUID=1234-ABCD:/folder     LABEL=backup:/folder     PARTUUID=…:/folder

Law: pure text. Such a place is itself, whatever it is mounted on today; the words are those of
mount(8) and fstab(5). Without a folder it is all of the file system. A path that looks like one is
written with ``./`` in front.
"""

import posixpath
import re
from typing import NamedTuple

from mirrorfs.errors import UsageError

_WRITTEN = r"(UUID|LABEL|PARTUUID)=(.*?)(?::(/.*)?)?"


class Place(NamedTuple):
    """``folder`` is below the top of the file system: no slash in front, "" for the top."""

    tag: str
    value: str
    folder: str

    def __str__(self) -> str:
        return f"{self.tag}={self.value}:/{self.folder}"

    @property
    def drive(self) -> str:
        """The file system alone, as it was named."""
        return f"{self.tag}={self.value}"

    def fits(self, value: str) -> bool:
        """Whether a file system with this UUID or label is meant. How a UUID is written, in which
        case and with which dashes, does not matter."""
        if self.tag == "LABEL":
            return value == self.value
        return bool(value) and _bare(value) == _bare(self.value)


def parse(text: str) -> Place | None:
    """``None`` for a path. Raises UsageError."""
    if "=" not in text or (found := re.fullmatch(_WRITTEN, text, re.DOTALL)) is None:
        return None
    tag, value, folder = found.groups()
    folder = (folder or "").strip("/")
    if not value or ".." in folder.split("/"):
        raise UsageError(
            f"{text} names no folder of a drive",
            remedy="write it as UUID=1234-ABCD:/folder or LABEL=name:/folder (see `blkid`)",
        )
    if tag != "LABEL":
        value = value.lower() if len(value) == 36 else value.upper()
    folder = posixpath.normpath(folder) if folder else ""
    return Place(tag, value, "" if folder == "." else folder)


def _bare(uuid: str) -> str:
    return uuid.replace("-", "").lower()
