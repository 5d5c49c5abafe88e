"""Look at names: one listing and one stat each, relative to a held directory.

Law: a name that could not be looked at is a failure, one that is gone is simply not there, and
nothing is concluded from a directory that went away while it was read.
"""

import errno
import os
import stat
from collections.abc import Collection, Iterator
from itertools import islice

from mirrorfs.core.options import Links, Options
from mirrorfs.core.tree import Entry, Failure, Listing, TreeError, Trouble, join, split
from mirrorfs.trees.local import at_once
from mirrorfs.trees.local.attributes import read_xattrs
from mirrorfs.trees.local.entry import entry_of
from mirrorfs.trees.local.handles import Handle, Handles
from mirrorfs.trees.local.kinds import kinds
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.patience import patiently
from mirrorfs.trees.local.trouble import failure, unsafe
from mirrorfs.trees.local.views import Views

# Where so many names are asked for a listing may pay, if there are not too many times as many, at
# most so many bytes of the directory's own size each.
MANY, OTHERS, NAME_BYTES = 16, 4, 128


def look(directory: int, name: str) -> Entry | None:
    """What is at a name now, with a symlink's target; for verifying. Raises OSError."""
    try:
        st = os.stat(name, dir_fd=directory, follow_symlinks=False)
        return entry_of(*_with_target(directory, name, st))
    except FileNotFoundError:
        return None


def _with_target(directory: int, name: str, st: os.stat_result) -> tuple[os.stat_result, str]:
    """What was seen of a name and, of a symlink, its target. Raises OSError."""
    while stat.S_ISLNK(st.st_mode):
        try:
            return st, os.readlink(name, dir_fd=directory)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        # RACE: it was one when it was looked at.
        st = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return st, ""


def _is_removed(directory: int, path: str) -> bool:
    try:
        return not os.fstat(directory).st_nlink
    except OSError as error:
        raise TreeError(failure(path, error, "look at the directory")) from None


class Reading:
    """Reads the directories of one tree as its options say. ``seeks_leftovers``: also where a
    directory is not listed, what a killed run left of the names looked at is met."""

    def __init__(
        self, handles: Handles, temporaries: Temporaries, options: Options, follow: bool
    ) -> None:
        self._handles = handles
        self._temporaries = temporaries
        self._targets = options.links is Links.KEEP
        self.xattrs = options.xattrs
        with handles.take("") as fd:
            self.home = os.fstat(fd).st_dev
        self._views = Views(self.home)
        self._shown: set[str] = set()  # directories that are views; nothing in them is listed
        self._follow = follow
        self.seeks_leftovers = False

    def root(self) -> Entry:
        """See `mirrorfs.trees.base.Tree.root`."""
        with self._handles.take("") as fd:
            try:
                return entry_of(os.fstat(fd), "", read_xattrs(fd) if self.xattrs else None)
            except OSError as error:
                raise TreeError(failure("", error, "look at the root")) from None

    def read(self, path: str, names: Collection[str] | None, *, bare: bool) -> Listing:
        """See `mirrorfs.trees.base.Tree.read`."""
        xattrs = self.xattrs and not bare
        try:
            return self._read(path, names, xattrs)
        except TreeError as error:
            # A handle kept from before may be of a directory that was removed, and the path may
            # lead to a new one: only a fresh look can say it is absent.
            if error.trouble is not Trouble.ABSENT or not self._handles.forget(path):
                raise
            return self._read(path, names, xattrs)

    def kinds(self, path: str) -> tuple[list[str], list[str]] | None:
        """See `mirrorfs.trees.base.Tree.kinds`."""
        if path in self._shown:
            return None
        try:
            handle = self._handles.take(path)
            with handle as directory, handle.listing:
                os.lseek(directory, 0, os.SEEK_SET)
                found = kinds(directory)
        except (OSError, TreeError):
            return None  # `read` says why
        # What may be a temporary of ours is to be looked at.
        prefix = self._temporaries.prefix
        return None if any(prefix in "/".join(names) for names in found) else found

    def begin(self) -> None:
        """A new pass: what was mounted may be gone."""
        self._views.forget()
        self._shown.clear()

    def hides(self, path: str) -> bool:
        """Whether a directory is a view, as far as it was looked at."""
        return path in self._shown

    def _read(self, path: str, names: Collection[str] | None, xattrs: bool) -> Listing:
        if path in self._shown:
            return Listing({})
        handle = self._handles.take(path)
        with handle as directory:
            if names is not None:
                there = self._there(handle, directory, names)
                listing = self._look_at(directory, path, there, xattrs)
                # In a removed directory every name is absent.
                if len(listing.entries) < len(names) and _is_removed(directory, path):
                    raise TreeError(Failure(path, Trouble.ABSENT, "the directory was removed"))
                return listing
            return self._list(handle, directory, path, xattrs)

    def _there(self, handle: Handle, directory: int, names: Collection[str]) -> Collection[str]:
        """The names to look at, without those that a listing does not have: it costs less than a
        look at each name that is gone, where not many others are in the directory."""
        if len(names) < MANY or self._follow or self.seeks_leftovers or not handle.listable:
            return names
        limit = OTHERS * len(names)
        try:
            if os.fstat(directory).st_size > NAME_BYTES * limit:
                return names
            with handle.listing:
                os.lseek(directory, 0, os.SEEK_SET)
                with os.scandir(directory) as found:
                    there = {item.name for item in islice(found, limit)}
        except OSError:
            return names
        if len(there) == limit:
            return names
        return [name for name in names if name in there or name in ("", ".", "..") or "/" in name]

    def _list(self, handle: Handle, directory: int, path: str, xattrs: bool) -> Listing:
        if not handle.listable:
            raise TreeError(Failure(path, Trouble.DENIED, "cannot list: Permission denied"))
        try:
            with handle.listing:
                # A listing that ended in trouble may have left the offset behind: what is before it
                # would look removed.
                os.lseek(directory, 0, os.SEEK_SET)
                files, others = patiently(kinds, directory)
        except OSError as error:
            raise TreeError(failure(path, error, "list the directory")) from None
        return self._look_at(directory, path, files + others, xattrs, listed=True)

    def _look_at(
        self,
        directory: int,
        path: str,
        names: Collection[str],
        xattrs: bool,
        *,
        listed: bool = False,
    ) -> Listing:
        """``listed``: all there are, so that leftovers of ours are met."""
        entries: dict[str, Entry] = {}
        if self._follow or (self.seeks_leftovers and not listed):
            left = list(names)
        else:
            prefix = self._temporaries.prefix
            entries, left = at_once.look_at(
                directory, list(names), prefix, self.home, xattrs=xattrs
            )
        failures: dict[str, Failure] = {}
        for name in left:
            if name in ("", ".", "..") or "/" in name:
                failures[name] = unsafe(join(path, name)).failure
                continue
            ours = self._temporaries.is_ours(name)
            if ours and not listed:
                continue
            if self.seeks_leftovers and not listed:
                self._seek_leftover(directory, path, name)
            try:
                st = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if ours and not stat.S_ISDIR(st.st_mode):
                    self._temporaries.met(path, name)
                    continue
                entries[name] = self._complete(directory, path, name, st, xattrs)
                if self._views.shows(st.st_dev):
                    self._shown.add(join(path, name))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                failures[name] = failure(join(path, name), error, "look at it")
            except TreeError as error:
                failures[name] = error.failure
        return Listing(entries, failures)

    def _seek_leftover(self, directory: int, path: str, name: str) -> None:
        temporary = self._temporaries.of(name)
        try:
            st = os.stat(temporary, dir_fd=directory, follow_symlinks=False)
        except OSError:
            return
        if not stat.S_ISDIR(st.st_mode):
            self._temporaries.met(path, temporary)

    def _complete(
        self, directory: int, path: str, name: str, st: os.stat_result, xattrs: bool
    ) -> Entry:
        """The entry with what stat alone does not tell. Raises OSError, TreeError."""
        target = ""
        if stat.S_ISLNK(st.st_mode):
            if self._follow:
                st = self._followed(directory, path, name)
            elif self._targets:
                st, target = _with_target(directory, name, st)
        kept = None
        if xattrs:
            kept = read_xattrs(f"/proc/self/fd/{directory}/{name}", follow=self._follow)
        return entry_of(st, target, kept)

    def _followed(self, directory: int, path: str, name: str) -> os.stat_result:
        try:
            st = os.stat(name, dir_fd=directory)
        except FileNotFoundError:
            message = "the symlink points to nothing"
            raise TreeError(Failure(join(path, name), Trouble.UNSUPPORTED, message)) from None
        if stat.S_ISDIR(st.st_mode):
            for ancestor in self._ancestors(path):
                if (ancestor.st_dev, ancestor.st_ino) == (st.st_dev, st.st_ino):
                    message = "the symlink points to a directory that it is in"
                    raise TreeError(Failure(join(path, name), Trouble.LOOP, message))
        return st

    def _ancestors(self, path: str) -> Iterator[os.stat_result]:
        while True:
            with self._handles.take(path) as fd:
                yield os.fstat(fd)
            if not path:
                return
            path, _ = split(path)
