"""What a file system says of itself in its first blocks: its kind, its UUID and its label.

Law: pure; the device is read through the function that is given, a few kilobytes of it. The texts
are those of blkid(8), so that what it prints can be typed: 8-4-4-4-12 digits, ``1234-ABCD`` for FAT
and exFAT, sixteen digits for NTFS. What is damaged is not recognised.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

Read = Callable[[int, int], bytes]
"""(offset, size) → bytes; fewer at the end of the device."""

_CHAIN = 64  # clusters of a root directory that are looked at for the label
_NO_NAME = b"NO NAME    "
_DELETED, _END = 0xE5, 0x00
_LONG_NAME, _VOLUME_ID = 0x0F, 0x08  # attributes of a FAT directory entry
_EXFAT_LABEL = 0x83
_NTFS_VOLUME, _NTFS_NAME, _NTFS_LAST = 3, 0x60, 0xFFFFFFFF


class Volume(NamedTuple):
    """A file system, wherever it is mounted. "" for what is not known, or not there."""

    kind: str = ""
    uuid: str = ""
    label: str = ""


def recognise(read: Read) -> Volume | None:
    """``None`` for what is not one of the file systems known here."""
    try:
        for look in (_ext, _xfs, _btrfs, _ntfs, _exfat, _fat):
            if (volume := look(read)) is not None:
                return volume
    except (struct.error, IndexError, ValueError, ZeroDivisionError):
        pass  # cut short, or nonsense
    return None


def dashed(uuid: bytes) -> str:
    """Sixteen bytes as a UUID; "" where none was given."""
    text = uuid.hex()
    parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
    return "-".join(parts) if any(uuid) else ""


def short(serial: bytes) -> str:
    """A FAT volume's four bytes."""
    number = int.from_bytes(serial, "little")
    return f"{number >> 16:04X}-{number & 0xFFFF:04X}" if number else ""


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _ext(read: Read) -> Volume | None:
    block = read(1024, 256)
    if block[56:58] != b"\x53\xef":
        return None
    compatible, incompatible, read_only = struct.unpack_from("<III", block, 92)
    kind = "ext2"
    if compatible & 0x4:  # a journal
        kind = "ext3"
    if incompatible & ~0x16 or read_only & ~0x7:  # what ext3 does not know
        kind = "ext4"
    return Volume(kind, dashed(block[104:120]), _text(block[120:136]))


def _xfs(read: Read) -> Volume | None:
    block = read(0, 512)
    if block[:4] != b"XFSB":
        return None
    return Volume("xfs", dashed(block[32:48]), _text(block[108:120]))


def _btrfs(read: Read) -> Volume | None:
    block = read(65536, 4096)
    if block[64:72] != b"_BHRfS_M":
        return None
    return Volume("btrfs", dashed(block[32:48]), _text(block[299:555]))


def _ntfs(read: Read) -> Volume | None:
    block = read(0, 512)
    if block[3:11] != b"NTFS    ":
        return None
    sector, clusters = struct.unpack_from("<HB", block, 11)
    cluster = sector * (clusters if clusters < 0x80 else 1 << (256 - clusters))
    table, per_record = struct.unpack_from("<Q8xb", block, 48)
    record = per_record * cluster if per_record > 0 else 1 << -per_record
    serial = int.from_bytes(block[72:80], "little")
    label = _ntfs_label(read(table * cluster + _NTFS_VOLUME * record, record))
    return Volume("ntfs", f"{serial:016X}" if serial else "", label)


def _ntfs_label(record: bytes) -> str:
    """Of the record of the volume in the master file table."""
    if record[:4] != b"FILE":
        return ""
    at = int.from_bytes(record[20:22], "little")
    while at + 24 <= len(record):
        kind, length = struct.unpack_from("<II", record, at)
        if kind == _NTFS_LAST or length < 24:
            break
        if kind == _NTFS_NAME:
            size, offset = struct.unpack_from("<IH", record, at + 16)
            return record[at + offset : at + offset + size].decode("utf-16-le")
        at += length
    return ""


def _exfat(read: Read) -> Volume | None:
    block = read(0, 512)
    if block[3:11] != b"EXFAT   ":
        return None
    table, data, first = struct.unpack_from("<I4xI4xI", block, 80)
    sector, cluster = 1 << block[108], 1 << block[108] + block[109]
    label = ""
    for number in _chain(read, table * sector, first, bits=32):
        for entry in _entries(read(data * sector + (number - 2) * cluster, cluster)):
            if entry[0] == _EXFAT_LABEL:
                label = entry[2 : 2 + 2 * min(entry[1], 11)].decode("utf-16-le")
                break
    return Volume("exfat", short(block[100:104]), label)


def _fat(read: Read) -> Volume | None:
    block = read(0, 512)
    large = block[82:90] == b"FAT32   "
    if not (large or block[54:62] in (b"FAT12   ", b"FAT16   ", b"FAT     ")):
        return None
    sector, per_cluster, reserved, tables, entries = struct.unpack_from("<HBHBH", block, 11)
    if block[510:512] != b"\x55\xaa" or not (sector and per_cluster and tables):
        return None
    if large:
        length, first = struct.unpack_from("<I4xI", block, 36)
        data = reserved + tables * length
        label = ""
        for number in _chain(read, reserved * sector, first, bits=28):
            at = (data + (number - 2) * per_cluster) * sector
            if label := _fat_label(read(at, per_cluster * sector)):
                break
        return Volume("vfat", short(block[67:71]), label)
    length = int.from_bytes(block[22:24], "little")
    root = read((reserved + tables * length) * sector, entries * 32)
    return Volume("vfat", short(block[39:43]), _fat_label(root))


def _fat_label(directory: bytes) -> str:
    for entry in _entries(directory):
        if entry[0] == _END:
            break
        attributes = entry[11] if entry[0] != _DELETED else _LONG_NAME
        if attributes & 0x18 == _VOLUME_ID and attributes & 0x3F != _LONG_NAME:
            name = b"\xe5" + entry[1:11] if entry[0] == 0x05 else entry[:11]
            return "" if name == _NO_NAME else name.rstrip().decode("ascii", "surrogateescape")
    return ""


def _entries(directory: bytes) -> Iterator[bytes]:
    for at in range(0, len(directory) - 31, 32):
        yield directory[at : at + 32]


def _chain(read: Read, table: int, first: int, *, bits: int) -> Iterator[int]:
    """The clusters of a file, by the table at byte ``table``."""
    number = first
    for _ in range(_CHAIN):
        if not 2 <= number < (1 << bits) - 16:
            return
        yield number
        number = int.from_bytes(read(table + 4 * number, 4), "little") & ((1 << bits) - 1)
