"""What is replaced or removed is kept: in a directory of backups, or beside, under another name.

Law: the old version has its name among the backups before it loses its own, so a kill at any
moment costs neither version and no name is ever missing on the way. An older backup of the same
name is replaced (rclone); a directory in its place is not. A directory of backups is never read, so
what a kill leaves there unfinished goes when the next backup of that name is made.

A file that is replaced gets its backup as a second name of the same file, and is copied only where
that cannot be: on another file system, or where links are refused. What holds no content (fifos,
sockets, devices) is not taken to another file system.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mirrorfs.core.options import Options, archive
from mirrorfs.core.record import record
from mirrorfs.core.tree import Entry, Failure, Kind, TreeError, Trouble, join, split
from mirrorfs.core.values import suffix_name
from mirrorfs.trees.base import Meter
from mirrorfs.trees.local.attributes import assign
from mirrorfs.trees.local.content import READ, LocalContent
from mirrorfs.trees.local.copy import Copying
from mirrorfs.trees.local.handles import DIRECTORY, Handles
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.rename import rename_new
from mirrorfs.trees.local.trouble import failure

_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
)
_ALL, _TIMES = archive(Options()), Options()
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@record
class Backup:
    """Where backups go: ``directory``, a path ("" for beside the original), and
    ``suffix``, added to the names, before the extension if ``keep_extension``."""

    directory: str = ""
    suffix: str = ""
    keep_extension: bool = False

    def __post_init__(self) -> None:
        if not (self.directory or self.suffix) or "/" in self.suffix:
            raise ValueError("a backup needs a directory or a suffix, and a suffix no slash")


class Backups:
    """The backups of one tree, whose directories are ``handles``. ``durable``: what had to be
    copied is on disk before the original goes."""

    def __init__(
        self, backup: Backup, handles: Handles, temporaries: Temporaries, *, durable: bool
    ) -> None:
        self._backup = backup
        self._originals = handles
        self._temporaries = temporaries
        self._durable = durable
        self._lock = threading.Lock()
        self._own: Handles | None = None
        self._copying = Copying()

    def keep(self, fd: int, name: str, path: str, found: Entry) -> None:
        """Give what is at ``name`` its backup; it keeps its own name. Raises TreeError."""

        def link(to_fd: int, to_name: str) -> None:
            os.link(name, to_name, src_dir_fd=fd, dst_dir_fd=to_fd, follow_symlinks=False)

        try:
            try:
                with self._place(path) as (to_fd, to_name):
                    try:
                        link(to_fd, to_name)
                    except FileExistsError:
                        self._replace(to_fd, path, to_name, link)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                self._copy(fd, name, path, found)
        except (OSError, ValueError, TreeError) as error:
            raise _failed(path, error) from None

    def copy(self, fd: int, name: str, path: str, found: Entry) -> None:
        """As `keep`, but as a file of its own: the original is about to be written into."""
        try:
            self._copy(fd, name, path, found)
        except (OSError, ValueError, TreeError) as error:
            raise _failed(path, error) from None

    def take(self, fd: int, name: str, path: str, found: Entry) -> None:
        """Move what is at ``name`` to its backup. Raises TreeError."""
        try:
            with self._place(path) as (to_fd, to_name):
                try:
                    rename_new(fd, name, to_fd, to_name)
                    return
                except FileExistsError:
                    older = look(to_fd, to_name)
                    # Renaming a file onto another name of it does nothing (POSIX): a killed run
                    # got as far as its backup.
                    if older is None or not _same(older, found):
                        os.rename(name, to_name, src_dir_fd=fd, dst_dir_fd=to_fd)
                        return
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    self._copy(fd, name, path, found)
                os.unlink(name, dir_fd=fd)
        except (OSError, ValueError, TreeError) as error:
            raise _failed(path, error) from None

    def forget(self) -> None:
        """Keep no handles from an earlier pass."""
        if self._own is not None:
            self._own.forget()

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _replace(self, fd: int, path: str, name: str, make: Callable[[int, str], None]) -> None:
        """``make`` a temporary among the backups and give it ``name`` there."""
        directory = "/" + split(path)[0]  # no directory of the tree
        temporary = self._temporaries.claim(directory, name)
        try:
            try:
                make(fd, temporary)
            except FileExistsError:  # what a killed run left
                os.unlink(temporary, dir_fd=fd)
                make(fd, temporary)
            os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
        finally:
            try:
                # Still there after a failure, and when both were names of one file already.
                os.unlink(temporary, dir_fd=fd)
            except OSError:
                pass
            self._temporaries.release(directory, temporary)

    def _copy(self, fd: int, name: str, path: str, found: Entry) -> None:
        if found.kind not in (Kind.FILE, Kind.SYMLINK):
            return

        def make(to_fd: int, to_name: str) -> None:
            if found.kind is Kind.FILE:
                self._copy_file(fd, name, path, found, to_fd, to_name)
            else:
                os.symlink(found.target, to_name, dir_fd=to_fd)

        with self._place(path) as (to_fd, to_name):
            self._replace(to_fd, path, to_name, make)

    def _copy_file(
        self, fd: int, name: str, path: str, found: Entry, to_fd: int, to_name: str
    ) -> None:
        source = os.open(name, READ, dir_fd=fd)
        with LocalContent(path, source, os.fstat(source), xattrs=True, looked=0) as content:
            before = content.stat()
            if not _same(before, found):
                raise TreeError(Failure(path, Trouble.DRIFT, "it was replaced meanwhile"))
            target = os.open(to_name, _NEW, 0o600, dir_fd=to_fd)
            try:
                self._copying.copy(content, before, target, Meter())
                try:
                    assign(target, before, _ALL)
                except OSError:  # not ours to give away, or not what this file system can hold
                    assign(target, before, _TIMES)
                if self._durable:
                    os.fsync(target)
            finally:
                os.close(target)

    @contextmanager
    def _place(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory where the backup of ``path`` belongs, made if need be, and its name."""
        directory, name = split(path)
        backup = self._backup
        name = suffix_name(name, backup.suffix, keep_extension=backup.keep_extension)
        if backup.directory:
            own = self._opened()
            try:
                handle = own.take(directory)
            except TreeError as error:
                if error.trouble is not Trouble.ABSENT:
                    raise
                self._make(own, directory)
                handle = own.take(directory)
        else:
            handle = self._originals.take(directory)
        with handle as fd:
            yield fd, name

    def _make(self, own: Handles, path: str) -> None:
        """A directory of the backups and those above it, each as open as its original."""
        own.forget(path)
        here = ""
        for name in path.split("/"):
            above, here = here, join(here, name)
            with own.take(above) as fd:
                try:
                    os.mkdir(name, 0o700, dir_fd=fd)
                except FileExistsError:
                    continue
            with self._originals.take(here) as original, own.take(here) as made:
                like = os.fstat(original)
                mode = like.st_mode & 0o777 | 0o700
                try:
                    os.fchown(made, like.st_uid, like.st_gid)
                except PermissionError:
                    mode &= 0o707  # its group would be another one
                os.fchmod(made, mode)

    def _opened(self) -> Handles:
        with self._lock:
            if self._own is None:
                os.makedirs(self._backup.directory, exist_ok=True)
                self._own = Handles(os.open(self._backup.directory, DIRECTORY))
            return self._own


def _same(one: Entry, other: Entry) -> bool:
    return (one.device, one.inode) == (other.device, other.inode)


def _failed(path: str, error: OSError | ValueError | TreeError) -> TreeError:
    """What is missing is a place among the backups: that must not pass for a file that is gone."""
    found = error.failure if isinstance(error, TreeError) else failure(path, error, "do it")
    trouble = Trouble.DRIFT if found.trouble is Trouble.ABSENT else found.trouble
    return TreeError(Failure(path, trouble, f"no backup of it can be made: {found.message}"))
