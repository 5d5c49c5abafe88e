"""How paths stand in a configuration: whole, and whatever their bytes.

Law: a place means the same wherever the mirror is started from. TOML is UTF-8, and names need not
be: a ``file://`` URL writes any byte as ``%XX`` (RFC 8089).
"""

from urllib.parse import quote_from_bytes, unquote_to_bytes

from mirrorfs.drives.place import parse
from mirrorfs.errors import UsageError

SCHEME = "file://"


class PlaceRefused(ValueError):
    """``remedy`` says how the path is to be written."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def place(text: str, home: str) -> str:
    """The path that a text of a configuration means; odd bytes are surrogate escapes. ``~/`` is
    ``home``. A place on a drive (UUID=…:/folder) stays as it is. Raises PlaceRefused."""
    if "\0" in text:
        raise PlaceRefused("no path holds a NUL", "leave it out")
    try:
        if parse(text) is not None:
            return text
    except UsageError as error:
        raise PlaceRefused(str(error), error.remedy) from None
    if text == "~" or text.startswith("~/"):
        return home.rstrip("/") + text[1:]
    if text.startswith(SCHEME):
        path = unquote_to_bytes(text.removeprefix(SCHEME))
        if not path.startswith(b"/") or b"\0" in path:
            raise PlaceRefused(f"{text!r} names no file here", "write file:///… with three slashes")
        return path.decode("utf-8", "surrogateescape")
    if text.startswith("/"):
        return text
    raise PlaceRefused(
        f"{text!r} is a relative path, and what it means depends on where mirrorfs is started",
        "write the whole path: /…, ~/… or file:///…",
    )


def written(path: str) -> str:
    """How an absolute path, or a place on a drive, stands in a configuration."""
    if not path.startswith("/") or not _is_odd(path):
        return path
    return SCHEME + quote_from_bytes(path.encode("utf-8", "surrogateescape"))


def _is_odd(path: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in path)
