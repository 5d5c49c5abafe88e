"""The kernel's questions, answered from the picture.

Law: read-only; every question is answered, by an error if need be. What may touch a disk runs in a
thread, with a deadline of `PATIENCE` seconds: then the answer is ETIMEDOUT, for this file alone.

The kernel keeps names, attributes and listings until it is told to forget them; what nobody tells
of, a destination that is not watched, it asks for again after some seconds. An open file is a
descriptor of its content: it stays readable when the plan, or the name, is long gone.
"""

import errno
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import pyfuse3
import trio
from pyfuse3 import EntryAttributes, FileInfo, FUSEError

from mirrorfs.core.preview import Shown, Side
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Kind, TreeError
from mirrorfs.errors import MirrorError
from mirrorfs.trees.local.entry import entry_of
from mirrorfs.view.attributes import TOLD_SECONDS, describe
from mirrorfs.view.documents import text, write
from mirrorfs.view.inodes import Inodes
from mirrorfs.view.listings import KEPT_SECONDS, Listings
from mirrorfs.view.picture import Picture
from mirrorfs.view.places import TOP, Area, Document, Place, child, directory_number, same
from mirrorfs.view.planner import Wanted
from mirrorfs.view.reasons import NAMESPACE, why
from mirrorfs.view.refusals import answered, refuse
from mirrorfs.view.rows import pack
from mirrorfs.view.rows.plain import DOTS, Lasting, Listed, free_number
from mirrorfs.view.telling import AT_ONCE, tell
from mirrorfs.view.unopened import heard

PATIENCE = 10.0
NAME_MAX = 255
FILE_SECONDS = 3 * KEPT_SECONDS  # a listing that is told again renews them all before they are over
WAITING = 64  # questions that may wait for one tree

_TOLD = Lasting(TOLD_SECONDS, TOLD_SECONDS, TOLD_SECONDS)
_UNTOLD = Lasting(KEPT_SECONDS, FILE_SECONDS, TOLD_SECONDS)
_AT_TOP = Lasting(0, 0, 0)  # what is there is looked up by whoever wants more than its name

T = TypeVar("T")


class Operations(pyfuse3.Operations):
    """See `pyfuse3.Operations`. ``show`` replaces the picture; ``top`` is what the directory was
    that the view is mounted on; ``told``: every change of the destination is heard of; ``outdated``
    is called with the inode number of a directory whose listing was replaced while it was made."""

    supports_dot_lookup = False
    enable_writeback_cache = False

    def __init__(
        self,
        picture: Picture,
        wanted: Wanted,
        top: Entry,
        *,
        told: bool,
        outdated: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._wanted = wanted
        self._told = told
        self._lasting = _TOLD if told else _UNTOLD
        self._outdated = outdated
        self._top = Shown(top, Side.NEITHER, "")
        self.inodes = Inodes(self._top)
        self._limits = {side: trio.CapacityLimiter(WAITING) for side in Side}
        self._newer: dict[Place, Shown] = {}  # what was found to be newer than the picture
        self._stale: set[Place] = set()  # of these the kernel was told in this picture or the last
        self._listings = Listings()
        self._until: dict[int, float] = {}  # the kernel may keep the names of this directory
        self._sides: dict[int, Side] = {}  # of open files, by descriptor
        self._written: dict[Document, int] = {}
        self._writing = trio.Lock()
        self.picture = picture

    def show(self, picture: Picture, scope: Scope) -> None:
        """From now on answer from this picture; it may differ from the one before in a scope."""
        self.picture = picture
        self._stale.intersection_update(self._newer)
        self._newer.clear()
        self._listings.clear(scope)
        self._drop_documents()

    def close(self) -> None:
        """Let go of what the view itself holds open."""
        self._drop_documents()

    def _drop_documents(self) -> None:
        for descriptor in self._written.values():
            os.close(descriptor)
        self._written.clear()

    # Names and attributes

    @answered
    async def lookup(
        self, parent: int, name: bytes, ctx: pyfuse3.RequestContext
    ) -> EntryAttributes:
        if len(name) > NAME_MAX:
            raise FUSEError(errno.ENAMETOOLONG)
        above, _ = self.inodes[parent]
        place = child(above, os.fsdecode(name))
        seen = None if place is None else await self._look(place)
        if place is None or seen is None:
            raise FUSEError(errno.ENOENT)
        inode = free_number(place, seen.entry, self.inodes.known)
        self.inodes.told([inode], [(place, seen)])
        await self._renew([inode])
        return describe(inode, seen.entry, self._lasting.of(place, seen))

    @answered
    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> EntryAttributes:
        place, seen = self.inodes[inode]
        try:
            now = await self._look(place)
        except FUSEError:
            if seen.entry.is_directory:
                raise
            now = None  # what is open stays what it was
        if now is not None and (place.area is Area.DOCUMENT or same(now.entry, seen.entry)):
            self.inodes.refresh(inode, now)
            seen = now
        await self._renew([inode])
        return describe(inode, seen.entry, self._lasting.of(place, seen))

    @answered
    async def forget(self, forgotten: Sequence[tuple[int, int]]) -> None:
        for inode in self.inodes.forget(forgotten):
            self._until.pop(inode, None)

    @answered
    async def readlink(self, inode: int, ctx: pyfuse3.RequestContext) -> bytes:
        return os.fsencode(self.inodes[inode][1].entry.target)

    @answered
    async def access(self, inode: int, mode: int, ctx: pyfuse3.RequestContext) -> bool:
        return True  # the kernel checks modes and owners (default_permissions)

    @answered
    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        space = await self._ask(Side.DESTINATION, self.picture.trees.space)
        answer = pyfuse3.StatvfsData()
        for name in ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail"):
            setattr(answer, f"f_{name}", getattr(space, f"f_{name}"))
        answer.f_namemax = space.f_namemax
        return answer

    # Directories

    @answered
    async def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:
        if heard():
            # The kernel opens no directory from now on, and keeps their names.
            raise FUSEError(errno.ENOSYS)
        return inode

    @answered
    async def readdir(self, handle: int, start: int, token: pyfuse3.ReaddirToken) -> None:
        place, seen = self.inodes[handle]
        listed = await self._list(place, going_on=start > 0)
        if not start and self._lasting.of(place, seen) == KEPT_SECONDS:
            # RACE: not before it is listed. The kernel may be told to forget the names while that
            # takes its time, and keeps them when they arrive.
            self._until[handle] = time.monotonic() + KEPT_SECONDS
        first = bisect_right(listed.offsets, start)
        await self._renew(listed.numbers[max(first, DOTS) : first + AT_ONCE])
        end = tell(token, listed, first)
        first = max(first, DOTS)  # of those no lookup is counted
        self.inodes.told(listed.numbers[first:end], listed.seen[first - DOTS : end - DOTS])

    @answered
    async def releasedir(self, handle: int) -> None:
        """Nothing is held."""

    # Content

    @answered
    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> FileInfo:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise FUSEError(errno.EROFS)
        place, seen = self.inodes[inode]
        if place.area is Area.DOCUMENT:
            descriptor = os.dup(await self._document(Document(place.path)))
            self._sides[descriptor] = Side.NEITHER
            return FileInfo(fh=descriptor, keep_cache=False, direct_io=True)
        descriptor = await self._open(seen)
        now = entry_of(os.fstat(descriptor))
        unchanged = same(now, seen.entry)
        if not unchanged:
            # RACE: it was replaced, and the plan does not know yet. This inode's pages must never
            # be of another file; told so, the kernel looks the name up again, once. What is being
            # replaced faster than that is read past the kernel's pages.
            self._newer[place] = seen._replace(entry=now)
            if place not in self._stale:
                self._stale.add(place)
                os.close(descriptor)
                raise FUSEError(errno.ESTALE)
        self._sides[descriptor] = seen.side
        return FileInfo(fh=descriptor, keep_cache=unchanged, direct_io=not unchanged)

    @answered
    async def read(self, handle: int, offset: int, size: int) -> bytes:
        try:
            buffer = bytearray(size)
            length = os.preadv(handle, [buffer], offset, os.RWF_NOWAIT)
            if length == size:
                return bytes(buffer)
        except OSError:
            pass  # not in memory, or a file system that cannot tell
        return await self._ask(self._sides[handle], os.pread, handle, size, offset)

    @answered
    async def release(self, handle: int) -> None:
        # A file system that hangs keeps a close waiting, too.
        await self._ask(self._sides.pop(handle), os.close, handle)

    @answered
    async def flush(self, handle: int) -> None:
        """Nothing is ever written."""

    # Why

    @answered
    async def listxattr(self, inode: int, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:
        if self.inodes[inode][1].entry.kind not in (Kind.FILE, Kind.DIRECTORY):
            return []  # the kernel would refuse to read any of them
        return list(await self._xattrs(inode))

    @answered
    async def getxattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        # The kernel and `ls` ask for capabilities and ACLs of each file: spare them the disk.
        if not name.startswith((b"user.", b"trusted.")):
            raise FUSEError(pyfuse3.ENOATTR)
        found = why(self.picture, self.inodes[inode][0], self._wanted.filter)
        if name not in found and not name.startswith(NAMESPACE):
            found = await self._xattrs(inode)
        if name not in found:
            raise FUSEError(pyfuse3.ENOATTR)
        return found[name]

    async def _xattrs(self, inode: int) -> dict[bytes, bytes]:
        place, seen = self.inodes[inode]
        found = why(self.picture, place, self._wanted.filter)
        if seen.side is Side.NEITHER or not self._wanted.options.xattrs:
            return found
        entry: Entry | None = seen.entry
        if seen.entry.xattrs is None:
            look = self.picture.trees.look
            entry = await self._ask(seen.side, lambda: look(seen.side, seen.path, xattrs=True))
        own = (entry.xattrs if entry is not None else None) or ()
        return {os.fsencode(name): value for name, value in own} | found

    # How

    async def _look(self, place: Place) -> Shown | None:
        if (newer := self._newer.get(place)) is not None:
            return newer
        picture = self.picture
        if place == TOP:
            return self._top
        if place.area is Area.DOCUMENT:
            return await self._document_seen(Document(place.path))
        if picture.sits_still(place):
            return picture.look(place)
        return await self._ask(Side.DESTINATION, picture.look, place)

    async def _list(self, place: Place, *, going_on: bool) -> Listed:
        if (kept := self._listings.get(place, going_on=going_on)) is not None:
            return kept
        picture = self.picture
        still = picture.sits_still(place)
        if place == TOP:
            seen = self._top_listed()
        elif still:
            seen = picture.list(place)
        else:
            seen = await self._ask(Side.DESTINATION, picture.list, place)
        listed = pack(place, seen, self.inodes.known, _AT_TOP if place == TOP else self._lasting)
        if picture is not self.picture:
            self._outdated(directory_number(place))
        elif place != TOP:
            self._listings.keep(place, listed, told=still or self._told)
        return listed

    def _top_listed(self) -> dict[str, Shown]:
        """What is always there: a lost destination is no reason to show nothing at all, and nobody
        waits for a plan to be written down who lists its name."""
        seen = self.picture.list(TOP)
        nothing = next(iter(seen.values()))
        empty = nothing._replace(entry=nothing.entry._replace(kind=Kind.FILE, mode=0o444))
        return seen | {document.value: empty for document in Document}

    async def _renew(self, inodes: Sequence[int]) -> None:
        """Before the kernel believes again in directories that nobody tells of: have it ask for the
        names, and what goes with them, anew. A listing counts as well: who looks at a directory by
        way of the one above it would have it believed in for ever."""
        if not self._until:
            return
        now = time.monotonic()
        over = [inode for inode in inodes if self._until.get(inode, now) < now]
        for inode in over:
            del self._until[inode]
        if over:
            await self._ask(Side.NEITHER, _invalidate, over)

    async def _document_seen(self, document: Document) -> Shown:
        size = os.fstat(await self._document(document)).st_size
        picture = self.picture
        uid, gid = picture.owner
        entry = Entry(Kind.FILE, size, picture.made_ns, 0o444, uid, gid)
        return Shown(entry, Side.NEITHER, document.value)

    async def _document(self, document: Document) -> int:
        """A descriptor of it, written if it was not yet; the status is written each time."""
        async with self._writing:
            descriptor = self._written.get(document)
            if descriptor is None or document is Document.STATUS:
                picture = self.picture
                pieces = text(document, picture, self._wanted)
                fresh = await trio.to_thread.run_sync(write, pieces)
                if picture is not self.picture:  # replaced meanwhile: written for nobody
                    pieces = text(document, self.picture, self._wanted)
                    os.close(fresh)
                    fresh = await trio.to_thread.run_sync(write, pieces)
                if (old := self._written.pop(document, None)) is not None:
                    os.close(old)
                self._written[document] = descriptor = fresh
            return descriptor

    async def _open(self, seen: Shown) -> int:
        if seen.side is Side.NEITHER:
            raise FUSEError(errno.EIO)
        return await self._ask(seen.side, self.picture.trees.open, seen.side, seen.path)

    async def _ask(self, side: Side, question: Callable[..., T], *arguments: Any) -> T:
        """An answer from a thread. Raises FUSEError."""
        with trio.move_on_after(PATIENCE):
            try:
                return await trio.to_thread.run_sync(
                    question, *arguments, abandon_on_cancel=True, limiter=self._limits[side]
                )
            except (TreeError, MirrorError, OSError) as error:
                refuse(error)
        raise FUSEError(errno.ETIMEDOUT)


def _invalidate(inodes: list[int]) -> None:
    for inode in inodes:
        with suppress(OSError):  # the kernel has forgotten it already
            pyfuse3.invalidate_inode(inode)
