"""A watch that outlives its process: the kernel's queue is kept by somebody else (the service
manager), and beside it memory that says what was taken from it and is not recorded yet.

Law: continuity is proven, not assumed. Events are read straight into that memory, and go from it
when what they amount to stands in the journal, so that a kill at any moment leaves each of them in
the queue, in the memory or in the journal. What cannot be placed so (a journal that could not be
written, an epoch that was not ready yet, another root, boot or filter) is not continued.

The memory, in bytes of this machine's order:

    0       magic, then the fields of `_Field`, 4 bytes each: a kill finds one whole
    64      the claim: a digest of all that must be the same
    4096    names that wait to be reported (settling, being crawled), in one of two halves
    128 K   events as the kernel gave them; zeros behind them
"""

import errno
import hashlib
import mmap
import os
from collections.abc import Iterable
from enum import IntEnum
from struct import Struct
from typing import NamedTuple, Protocol

from mirrorfs.watch.settle import Key

_MAGIC = b"mirrorfs kept 1\0"
_CLAIM = 64
_WAITING = 4096
_HALF = 60 << 10
_EVENTS = 128 << 10
SIZE = 1 << 20
_READ = 256 << 10
_NUMBER = Struct("i")
_KEY = Struct("iHB")
_EVENT = Struct("iIII")
_TOO_MANY = -1


class _Field(IntEnum):
    """Where the number is. CONTINUES: 1 when all that was read and is not here is recorded. ROOT:
    the root's watch. SETTLED: watches up to this number are announced. WAITING: size and half of
    the waiting names, 2 * size + half. VOID: 1 while the events are being cleared."""

    CONTINUES = 16
    ROOT = 20
    SETTLED = 24
    WAITING = 28
    VOID = 32


class Keeper(Protocol):
    """Keeps descriptors for the next process. ``claim`` is what must be the same then, besides the
    boot and the root."""

    claim: str

    def take(self) -> dict[str, int]:
        """The descriptors an earlier process left, by name; they are the caller's to close."""

    def keep(self, descriptors: dict[str, int]) -> None:
        """Keep these, in place of all that were kept before."""


class Kept(NamedTuple):
    """An inotify instance and its memory."""

    inotify: int
    flight: "Flight"

    def close(self) -> None:
        os.close(self.inotify)
        self.flight.close()


class Flight:
    """What is between the queue and the journal."""

    def __init__(self, descriptor: int) -> None:
        self.fd = descriptor
        # RACE: a kill that meets a page fault in read(2) would lose the event: all is mapped now.
        self._memory = mmap.mmap(descriptor, SIZE, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self._view = memoryview(self._memory)
        self._used = 0
        self._waiting: bytes | None = None

    @classmethod
    def new(cls, claim: str, root: int) -> "Flight":
        """Fresh memory; it does not continue yet. Raises OSError."""
        descriptor = os.memfd_create("mirrorfs-kept", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, SIZE)
            flight = cls(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        flight._memory[: len(_MAGIC)] = _MAGIC
        flight._memory[_CLAIM : _CLAIM + 32] = _digest(claim)
        flight._set(_Field.ROOT, root)
        return flight

    @classmethod
    def left(cls, descriptor: int, claim: str) -> "Flight | None":
        """The memory an earlier process left, if it is continued under this claim."""
        if os.fstat(descriptor).st_size != SIZE:
            return None
        try:
            flight = cls(descriptor)
        except OSError:
            return None
        if (
            flight._memory[: len(_MAGIC)] != _MAGIC
            or flight._memory[_CLAIM : _CLAIM + 32] != _digest(claim)
            or flight._get(_Field.CONTINUES) != 1
        ):
            flight._unmap()
            return None
        if flight._get(_Field.VOID):
            flight._clear(SIZE - _EVENTS)
        flight._used = flight._end()
        return flight

    @property
    def root(self) -> int:
        return self._get(_Field.ROOT)

    @property
    def settled(self) -> int:
        return self._get(_Field.SETTLED)

    def read(self, inotify: int) -> bytes:
        """Take from the queue, behind what was taken before; empty when nothing is queued or there
        is no room: then it stays in the queue."""
        start = _EVENTS + self._used
        room = self._view[start : min(start + _READ, SIZE - _EVENT.size)]
        try:
            size = os.readv(inotify, [room])
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EINVAL:  # not even the next event fits
                return b""
            raise
        self._used += size
        return bytes(room[:size])

    def events(self) -> bytes:
        """All that was taken and not recorded yet."""
        return bytes(self._view[_EVENTS : _EVENTS + self._used])

    def waiting(self) -> list[tuple[int, bytes, bool]] | None:
        """(watch, name, whether all below, too) of what waited; None: too many to say."""
        what = self._get(_Field.WAITING)
        if what == _TOO_MANY:
            return None
        size, half = divmod(what, 2)
        at = _WAITING + half * _HALF
        end = at + size
        keys = []
        while at < end:
            wd, length, whole = _KEY.unpack_from(self._memory, at)
            at += _KEY.size
            keys.append((wd, self._memory[at : at + length], bool(whole)))
            at += length
        return keys

    def landed(self, waiting: Iterable[Key], whole: Iterable[Key], settled: int | None) -> None:
        """All that was taken is recorded, but for the names that wait, and those to be looked at
        ``whole``; every directory whose watch has a number up to ``settled`` was announced (None:
        as before)."""
        names = b"".join(
            _KEY.pack(wd, len(name), below) + name
            for below, keys in ((False, waiting), (True, whole))
            for wd, name in keys
        )
        if names != self._waiting:
            self._waiting = names
            self._publish(names)
        if settled is not None:
            self._set(_Field.SETTLED, settled)
        if self._used:
            self._clear(self._used)
            self._used = 0

    def continues(self, yes: bool) -> None:
        """Whether the next process may go on from here."""
        if self._get(_Field.CONTINUES) != int(yes):
            self._set(_Field.CONTINUES, int(yes))

    def close(self) -> None:
        self._unmap()
        os.close(self.fd)

    def _unmap(self) -> None:
        self._view.release()
        self._memory.close()

    def _publish(self, names: bytes) -> None:
        """Into the half that is not the valid one; then that one is."""
        if len(names) > _HALF:
            self._set(_Field.WAITING, _TOO_MANY)
            return
        half = 1 - self._get(_Field.WAITING) % 2
        at = _WAITING + half * _HALF
        self._memory[at : at + len(names)] = names
        self._set(_Field.WAITING, 2 * len(names) + half)

    def _clear(self, size: int) -> None:
        self._set(_Field.VOID, 1)
        self._memory[_EVENTS : _EVENTS + size] = bytes(size)
        self._set(_Field.VOID, 0)

    def _end(self) -> int:
        """Where the events end: what the last read returned, its reader may not have lived to
        hear."""
        at = _EVENTS
        while at + _EVENT.size <= SIZE:
            wd, _, _, length = _EVENT.unpack_from(self._memory, at)
            if not wd:
                break
            at += _EVENT.size + length
        return at - _EVENTS

    def _get(self, field: _Field) -> int:
        number: int = _NUMBER.unpack_from(self._memory, field)[0]
        return number

    def _set(self, field: _Field, number: int) -> None:
        _NUMBER.pack_into(self._memory, field, number)


def take(keeper: Keeper, claim: str) -> Kept | None:
    """What an earlier process left, if it is continued under this claim; else it is let go of."""
    descriptors = keeper.take()
    inotify, memory = descriptors.pop("inotify", -1), descriptors.pop("flight", -1)
    flight = None
    if inotify >= 0 and memory >= 0:
        flight = Flight.left(memory, claim)
    if flight is not None:
        memory = -1
    for descriptor in descriptors.values():
        os.close(descriptor)
    if flight is not None:
        return Kept(inotify, flight)
    for descriptor in (inotify, memory):
        if descriptor >= 0:
            os.close(descriptor)
    return None


def _digest(claim: str) -> bytes:
    return hashlib.sha256(claim.encode("utf-8", "surrogateescape")).digest()
