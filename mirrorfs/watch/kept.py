"""A watch that outlives its process: the kernel's queue is kept by somebody else (the service
manager), and beside it memory that says what was taken from it and is not recorded yet.

Law: continuity is proven, not assumed. Events are read straight into that memory, and go from it
when what they amount to stands in the journal, so that a kill at any moment leaves each of them in
the queue, in the memory or in the journal. What cannot be placed so (a journal that could not be
written, an epoch that was not ready yet, another root, boot or filter) is not continued.

The memory, in bytes of this machine's order:

    0       magic, then the fields of `_Field`, 4 bytes each: a kill finds one whole
    64      the claim: a digest of each thing that must be the same
    4096    names that wait to be reported (settling, being crawled), in one of two halves
    128 K   events as the kernel gave them; zeros behind them

A name that waits is that of a watch's directory; or, with `NOWHERE` in place of the watch, a
path below the root: fanotify has no watches, and the rename of a directory has both its ends looked
at whole.
"""

import errno
import hashlib
import logging
import mmap
import os
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from struct import Struct
from typing import NamedTuple, Protocol

from mirrorfs.watch.settle import Key

_log = logging.getLogger(__name__)

_MAGIC = b"mirrorfs kept 2\0"
_CLAIM = 64
_WAITING = 4096
_HALF = 60 << 10
_EVENTS = 128 << 10
SIZE = 1 << 20
_READ = 256 << 10
_NUMBER = Struct("i")
_KEY = Struct("iHB")
_EVENT = Struct("iIII")
_FULL = -1
_DIGEST = 32

NOWHERE = 0
"""The number that no watch has."""

TOO_MANY = "too many files were being written when the watcher ended"

Claim = Mapping[str, str]
"""What must be the same in the process that continues, by what is said when it is not."""
NOTHING: Claim = {}

# How long the event is whose first 16 bytes these are; 0: none begins here.
_LENGTHS: dict[str, Callable[[tuple[int, int, int, int]], int]] = {
    "inotify": lambda head: head[0] and _EVENT.size + head[3],
    "fanotify": lambda head: head[0],
}


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
    """Keeps descriptors for the next process. ``claim`` is what must be the same then, besides what
    the watcher knows of."""

    claim: str

    def take(self) -> dict[str, int]:
        """The descriptors an earlier process left, by name; they are the caller's to close."""

    def keep(self, descriptors: dict[str, int]) -> None:
        """Keep these, in place of all that were kept before."""


class Kept(NamedTuple):
    """A queue of a ``kind`` ("inotify", "fanotify"), and its memory."""

    kind: str
    queue: int
    flight: "Flight"


class NotContinued(Exception):
    """Why what was left is of no use."""


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
    def new(cls, claim: Claim, root: int) -> "Flight":
        """Fresh memory; it does not continue yet. Raises OSError."""
        descriptor = os.memfd_create("mirrorfs-kept", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, SIZE)
            flight = cls(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        flight._memory[: len(_MAGIC)] = _MAGIC
        for at, digest in _digests(claim).values():
            flight._memory[at : at + _DIGEST] = digest
        flight._set(_Field.ROOT, root)
        return flight

    @classmethod
    def left(cls, descriptor: int, claim: Claim, kind: str) -> "Flight":
        """The memory of a queue of that kind, which an earlier process left; the descriptor is its
        from now on. Raises NotContinued, OSError."""
        if os.fstat(descriptor).st_size != SIZE:
            raise NotContinued("what it left is not known")
        flight = cls(descriptor)
        try:
            flight._admit(claim)
        except BaseException:
            flight._unmap()
            raise
        if flight._get(_Field.VOID):
            flight._clear(SIZE - _EVENTS)
        flight._used = flight._end(_LENGTHS[kind])
        return flight

    def _admit(self, claim: Claim) -> None:
        if self._memory[: len(_MAGIC)] != _MAGIC:
            raise NotContinued("what it left is not known")
        for what, (at, digest) in _digests(claim).items():
            if self._memory[at : at + _DIGEST] != digest:
                raise NotContinued(what)
        if self._get(_Field.CONTINUES) != 1:
            raise NotContinued("it had not watched everything yet, or could not write the journal")

    @property
    def root(self) -> int:
        return self._get(_Field.ROOT)

    @property
    def settled(self) -> int:
        return self._get(_Field.SETTLED)

    def read(self, queue: int) -> bytes:
        """Take from the queue, behind what was taken before; empty when nothing is queued or there
        is no room: then it stays in the queue."""
        start = _EVENTS + self._used
        room = self._view[start : min(start + _READ, SIZE - _EVENT.size)]
        try:
            size = os.readv(queue, [room])
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
        """(watch or `NOWHERE`, name, whether all below, too) of what waited; None: too many to
        say."""
        what = self._get(_Field.WAITING)
        if what == _FULL:
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
            self._set(_Field.WAITING, _FULL)
            return
        half = 1 - self._get(_Field.WAITING) % 2
        at = _WAITING + half * _HALF
        self._memory[at : at + len(names)] = names
        self._set(_Field.WAITING, 2 * len(names) + half)

    def _clear(self, size: int) -> None:
        self._set(_Field.VOID, 1)
        self._memory[_EVENTS : _EVENTS + size] = bytes(size)
        self._set(_Field.VOID, 0)

    def _end(self, length: Callable[[tuple[int, int, int, int]], int]) -> int:
        """Where the events end: what the last read returned, its reader may not have lived to
        hear."""
        at = _EVENTS
        while at + _EVENT.size <= SIZE and (size := length(_EVENT.unpack_from(self._memory, at))):
            at += size
        return at - _EVENTS

    def _get(self, field: _Field) -> int:
        number: int = _NUMBER.unpack_from(self._memory, field)[0]
        return number

    def _set(self, field: _Field, number: int) -> None:
        _NUMBER.pack_into(self._memory, field, number)


def take(keeper: Keeper, claim: Claim) -> Kept | None:
    """What an earlier process left, if that was anything. Raises NotContinued, OSError: it is let
    go of."""
    left = keeper.take()
    try:
        kind = next((kind for kind in _LENGTHS if kind in left), "")
        if not kind or "flight" not in left:
            return None
        flight = Flight.left(left["flight"], claim, kind)
        del left["flight"]
        return Kept(kind, left.pop(kind), flight)
    finally:
        for descriptor in left.values():
            os.close(descriptor)


def keep(keeper: Keeper, kind: str, queue: int, claim: Claim, root: int = NOWHERE) -> Flight | None:
    """Have a queue kept from now on, and the memory to read it into; ``None``: it cannot be."""
    try:
        flight = Flight.new(claim, root)
    except OSError as error:
        _log.warning("the watch cannot be kept for the next process: %s", error)
        return None
    keeper.keep({kind: queue, "flight": flight.fd})
    return flight


def _digests(claim: Claim) -> dict[str, tuple[int, bytes]]:
    """Where each part stands, and what stands there."""
    return {
        what: (
            _CLAIM + number * _DIGEST,
            hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest(),
        )
        for number, (what, value) in enumerate(claim.items())
    }
