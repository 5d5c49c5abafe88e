"""Bytes to headers and frames, and back. Pure: no file is touched, and damage is a value.

`parse_frame` answers with a `Frame`, with `Stop.END` (zeros: nothing was written here yet),
`Stop.SHORT` (the bytes end inside the frame) or with `Bad`. Whether `SHORT` and `Bad` are a torn
tail or corruption cannot be told from one frame; `recovery` decides, from what lies behind it.

The bounds hold memory down even against a frame that was made to harm: 64 KiB of payload can
describe at most 64 Ki small objects, and msgpack reserves a claimed array before it reads it, so
1,024 items times 1,024 levels times 8 bytes is 8 MiB. Together they stay under 16 MiB.
"""

from collections.abc import Sequence
from enum import Enum
from struct import Struct
from typing import Any, Final, NamedTuple, NoReturn
from zlib import crc32

import msgpack  # type: ignore[import-untyped]

from journal.errors import RecordInvalid

MAGIC: Final = b"JOURNAL\n"
VERSION: Final = 1
FRAME_MAGIC: Final = b"\xf5FR\n"
MAX_PAYLOAD: Final = 64 * 1024
MAX_ITEMS: Final = 1024
MAX_SEGMENT: Final = 1 << 30

COMPACTED: Final = 1
BROKEN: Final = 2

_HEADER = Struct("<8sII16s16s16sQQIII")
_FRAME = Struct("<4sIIIQI")
_CRC = Struct("<I")
HEADER_SIZE: Final = _HEADER.size + _CRC.size
FRAME_SIZE: Final = _FRAME.size + _CRC.size
MAX_FRAME: Final = FRAME_SIZE + MAX_PAYLOAD
_BLANK = bytes(FRAME_SIZE)

EMPTY: Final[bytes] = msgpack.packb([])


class Stop(Enum):
    END = "end"
    SHORT = "short"


class Bad(NamedTuple):
    reason: str


class Unsupported(NamedTuple):
    version: int


class Header(NamedTuple):
    """A segment's first bytes. `journal`, `epoch` and `boot` are 16 bytes each."""

    journal: bytes
    epoch: bytes
    boot: bytes
    first: int
    last: int = 0
    previous: int = 0
    closing: int = 0
    flags: int = 0

    @property
    def compacted(self) -> bool:
        return bool(self.flags & COMPACTED)

    @property
    def broken(self) -> bool:
        return bool(self.flags & BROKEN)


class Frame(NamedTuple):
    """`size` counts the padding; `sequence` is the position after the frame."""

    size: int
    previous: int
    records: int
    sequence: int
    synced: int
    crc: int
    payload: memoryview


def encode_header(header: Header) -> bytes:
    body = _HEADER.pack(
        MAGIC,
        VERSION,
        header.flags,
        header.journal,
        header.epoch,
        header.boot,
        header.first,
        header.last,
        header.previous,
        header.closing,
        0,
    )
    return body + _CRC.pack(crc32(body))


def seed(header: Header) -> int:
    """Where the chain of a segment's checksums begins: its header's own checksum."""
    return int.from_bytes(encode_header(header)[-_CRC.size :], "little")


def decode_header(data: bytes) -> Header | Bad | Unsupported:
    if len(data) < HEADER_SIZE:
        return Bad("the file is shorter than a header")
    body, (crc,) = data[: _HEADER.size], _CRC.unpack_from(data, _HEADER.size)
    magic, version, flags, journal, epoch, boot, first, last, previous, closing, spare = (
        _HEADER.unpack(body)
    )
    if magic != MAGIC:
        return Bad("it does not begin like a segment")
    if crc32(body) != crc:
        return Bad("the header's checksum does not fit")
    if version != VERSION:
        return Unsupported(version)
    if flags & ~(COMPACTED | BROKEN) or spare or not first:
        return Bad("the header holds what version 1 does not know")
    return Header(journal, epoch, boot, first, last, previous, closing, flags)


def frame_size(payload: int) -> int:
    """Bytes in the file of a frame with so many bytes of payload."""
    return FRAME_SIZE + payload + -payload % 8


def encode_frame(
    payload: bytes, *, count: int, sequence: int, previous: int, synced: int, seed: int
) -> tuple[bytes, int]:
    """The frame's bytes, and its checksum, which is the next frame's `previous`."""
    head = _FRAME.pack(FRAME_MAGIC, len(payload), previous, count, sequence, synced)
    crc = crc32(payload, crc32(head, seed))
    return b"".join((head, _CRC.pack(crc), payload, bytes(-len(payload) % 8))), crc


def parse_frame(buffer: bytes, at: int, seed: int) -> Frame | Stop | Bad:
    """The frame that begins at `at`, checked on its own; `follows` checks its place."""
    head = buffer[at : at + FRAME_SIZE]
    if len(head) < FRAME_SIZE:
        return Stop.SHORT if any(head) else Stop.END
    magic, length, previous, count, sequence, synced = _FRAME.unpack_from(head)
    if magic != FRAME_MAGIC:
        return Stop.END if head == _BLANK else Bad("no frame begins here")
    if not 0 < length <= MAX_PAYLOAD or count > MAX_ITEMS:
        return Bad("the frame claims more than a frame may hold")
    start, size = at + FRAME_SIZE, frame_size(length)
    payload = memoryview(buffer)[start : start + length]
    if at + size > len(buffer):
        return Stop.SHORT
    (crc,) = _CRC.unpack_from(head, _FRAME.size)
    if crc32(payload, crc32(head[: _FRAME.size], seed)) != crc:
        return Bad("the frame's checksum does not fit")
    return Frame(size, previous, count, sequence, synced, crc, payload)


def follows(frame: Frame, header: Header, previous: int, sequence: int) -> Bad | None:
    """Whether the frame belongs behind what was read so far; `None` when it does."""
    if frame.previous != previous:
        return Bad("the frame does not continue the chain")
    if header.compacted:
        fits = sequence <= frame.sequence <= header.last
    else:
        fits = frame.sequence == sequence + frame.records
    return None if fits else Bad("the frame's sequence number does not continue")


def find_frame(buffer: bytes, seed: int, at: int = 0) -> int | None:
    """Where, 8-aligned and not before `at`, something that looks like a frame begins."""
    at = buffer.find(FRAME_MAGIC, at)
    while at >= 0:
        if at % 8 == 0 and not isinstance(parse_frame(buffer, at, seed), Bad):
            return at
        at = buffer.find(FRAME_MAGIC, at + 1)
    return None


def _no_extension(code: int, data: bytes) -> NoReturn:
    raise ValueError(f"extension type {code}")


def unpack(payload: bytes | memoryview, count: int) -> tuple[Any, ...]:
    """The records of a frame; arrays come back as tuples. Raises `RecordInvalid`."""
    try:
        records = msgpack.unpackb(
            payload,
            use_list=False,
            unicode_errors="surrogateescape",
            ext_hook=_no_extension,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise RecordInvalid(f"not a record: {error}") from error
    if not isinstance(records, tuple) or len(records) != count:
        raise RecordInvalid(f"not {count} records")
    return records


def pack(records: Sequence[Any]) -> list[tuple[bytes, int]]:
    """Payloads, with the number of records in each, none above a frame's bounds.

    Each is read back before it is returned: what cannot be read must not be acknowledged.
    """
    return [
        part
        for at in range(0, len(records), MAX_ITEMS)
        for part in _pack(list(records[at : at + MAX_ITEMS]))
    ]


def _pack(records: list[Any]) -> list[tuple[bytes, int]]:
    try:
        payload: bytes = msgpack.packb(records, unicode_errors="surrogateescape")
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise RecordInvalid(f"cannot be a record: {error}") from error
    if len(payload) <= MAX_PAYLOAD:
        unpack(payload, len(records))
        return [(payload, len(records))]
    if len(records) == 1:
        raise RecordInvalid(f"a record of {len(payload)} bytes; {MAX_PAYLOAD} is the most")
    half = len(records) // 2
    return _pack(records[:half]) + _pack(records[half:])
