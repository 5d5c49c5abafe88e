"""--hash-filter K/N: the K-th of N parts of all files, told apart by a hash of their paths.

The hash is MD5 of the path in NFC and lower case; its first 8 bytes, little endian, modulo N.
(rclone: --hash-filter; here `@`, a random part, is drawn by the caller: the core has no dice.)
"""

import hashlib
import unicodedata

from mirrorfs.core.record import record

from .errors import FilterError

_UINT64 = 1 << 64


@record
class Partition:
    part: int
    parts: int

    def holds(self, path: str) -> bool:
        name = unicodedata.normalize("NFC", path).lower()
        digest = hashlib.md5(name.encode("utf-8", "surrogateescape"), usedforsecurity=False)
        return int.from_bytes(digest.digest()[:8], "little") % self.parts == self.part


def parse_partition(value: str, *, draw: int | None = None) -> Partition | None:
    """`K/N`, or `@/N` for the part that `draw` (any number) falls on. None for "".

    Raises FilterError.
    """
    if not value:
        return None
    part, slash, parts = value.partition("/")
    if not slash:
        raise FilterError("filter: --hash-filter: no / found", rule=value)
    number = _uint64(value, "N", parts)
    if number == 0:
        raise FilterError("filter: --hash-filter: N must be greater than 0", rule=value)
    if part != "@":
        return Partition(_uint64(value, "K", part) % number, number)
    if draw is None:
        raise FilterError("filter: --hash-filter: @ needs a number to be drawn", rule=value)
    return Partition(draw % number, number)


def _uint64(value: str, name: str, text: str) -> int:
    # Longer texts are out of range; int() would spend quadratic time on them.
    if text.isascii() and text.isdigit() and len(text.lstrip("0")) <= 20:
        number = int(text)
        if number < _UINT64:
            return number
    raise FilterError(f'filter: --hash-filter: can\'t parse {name}="{text}"', rule=value)
