"""Where mirrorfs keeps what it must remember, and never inside a tree that is mirrored.

    HOME/sources/NAME-ID/           one per source: journal/, cookies/, left-out
    HOME/mirrors/NAME-ID/           one per source and destination: checkpoint, links, status,
                                    history
    HOME/destinations/claims/       who waits to write where (`mirrorfs.mirror.claim`)

HOME is --state-dir, else ``$STATE_DIRECTORY`` (systemd; the first of several), else
``$XDG_STATE_HOME/mirrorfs``, else /var/lib/mirrorfs for root (where the system's services have it,
too) and ``~/.local/state/mirrorfs`` for everybody else. ID is made from the real paths, so
the same folder reached through a symlink is the same source; or from a place on a drive as it is
written, wherever that is mounted. Directories are the owner's alone
(0700).
"""

import hashlib
import os
import stat
from contextlib import suppress

from mirrorfs.core.record import record
from mirrorfs.drives import name
from mirrorfs.errors import StateError


@record
class State:
    """The state directory; `make` is called by whoever writes into one of its parts."""

    home: str

    @classmethod
    def find(cls, chosen: str = "") -> "State":
        """The state directory to use; nothing is made yet."""
        if chosen:
            return cls(os.path.abspath(chosen))
        if from_systemd := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
            return cls(from_systemd)
        base = os.environ.get("XDG_STATE_HOME")
        if not base:
            base = os.path.expanduser("~/.local/state") if os.geteuid() else "/var/lib"
        return cls(os.path.join(base, "mirrorfs"))

    def source(self, source: str) -> str:
        return os.path.join(self.home, "sources", _name(source))

    def journal(self, source: str) -> str:
        return os.path.join(self.source(source), "journal")

    def cookies(self, source: str) -> str:
        return os.path.join(self.source(source), "cookies")

    def left_out(self, source: str) -> str:
        """The file that says what its watcher leaves out (`mirrorfs.mirror.leftout`)."""
        return os.path.join(self.source(source), "left-out")

    def mirror(self, source: str, destination: str) -> str:
        return os.path.join(self.home, "mirrors", _name(source, destination))

    def mirrors(self) -> list[str]:
        """The directories of all mirrors that ever stored a checkpoint. Raises StateError."""
        place = os.path.join(self.home, "mirrors")
        try:
            return sorted(entry.path for entry in os.scandir(place) if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StateError(
                f"cannot read the state directory {place}: {error.strerror}",
                remedy="run as the user whose mirrors these are, or choose another --state-dir",
            ) from error


def make(directory: str) -> str:
    """One of a state directory's parts, made if it is missing. Raises StateError, also for one that
    somebody else could have put there: what is written by a name in it would be written by his."""
    kind = os.path.dirname(directory)
    home = os.path.dirname(kind)
    try:
        os.makedirs(home, mode=0o700, exist_ok=True)
        found = os.stat(home)
        # In a sticky directory nobody can rename what is ours.
        _distrust(found, home, 0 if found.st_mode & stat.S_ISVTX else stat.S_IWOTH)
        for part in (kind, directory):
            with suppress(FileExistsError):
                os.mkdir(part, 0o700)
            _distrust(os.lstat(part), part, stat.S_IWOTH | stat.S_IWGRP)
    except OSError as error:
        raise StateError(
            f"cannot make the state directory {directory}: {error.strerror}",
            remedy="choose another place with --state-dir or XDG_STATE_HOME",
        ) from error
    return directory


def _distrust(found: os.stat_result, directory: str, writable: int) -> None:
    """Raises StateError unless it is a directory that is ours alone to write in."""
    if not stat.S_ISDIR(found.st_mode):
        problem = "is no directory"
    elif found.st_uid not in (os.geteuid(), 0):
        problem = f"belongs to user {found.st_uid}, not to {os.geteuid()}"
    elif found.st_mode & writable:
        problem = "can be written by other users"
    else:
        return
    raise StateError(
        f"the state directory {directory} {problem}; it is not used",
        remedy="choose another place with --state-dir, or take it back with chown and chmod",
    )


def owner(source: str, destination: str) -> str:
    """What tells the temporaries of this mirror from those of others: eight hexadecimal digits, the
    same at every run, with or without a state directory."""
    return _digest(source, destination)[:8]


def _digest(*paths: str) -> str:
    real = [name(path) for path in paths]
    return hashlib.sha256("\0".join(real).encode("utf-8", "surrogateescape")).hexdigest()


def _name(*paths: str) -> str:
    digest = _digest(*paths)
    last = os.path.basename(name(paths[-1]).rstrip("/"))
    shown = "".join(c if c.isalnum() and c.isascii() else "-" for c in last)
    return f"{shown[:40] or 'root'}-{digest[:16]}"
