"""A directory of this machine with the verbs of `MemoryTree`, so that histories play on both."""

import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

from mirrorfs.core.tree import Entry, Kind

KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
}


class RealTree:
    """Looks with lstat, and follows nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)

    def find(self, path: str) -> SimpleNamespace | None:
        place = self.root / path
        try:
            entry = _entry(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        children = os.listdir(place) if entry.is_directory else []
        return SimpleNamespace(entry=entry, children=dict.fromkeys(sorted(children)))

    get = find

    def entries(self) -> dict[str, Entry]:
        """Everything below the root, parents first, in an order that depends on the names alone."""
        found = {}
        for directory, directories, files in os.walk(self.root):
            directories.sort()
            for name in sorted([*directories, *files]):
                place = Path(directory, name)
                found[str(place.relative_to(self.root))] = _entry(place)
        return found

    def write(self, path: str, data: bytes) -> None:
        (self.root / path).write_bytes(data)

    def mkdir(self, path: str) -> None:
        (self.root / path).mkdir()

    def symlink(self, path: str, target: str) -> None:
        (self.root / path).symlink_to(target)

    def hardlink(self, origin: str, path: str) -> None:
        os.link(self.root / origin, self.root / path)

    def chmod(self, path: str, mode: int) -> None:
        (self.root / path).chmod(mode)

    def move(self, origin: str, path: str) -> None:
        (self.root / origin).rename(self.root / path)

    def remove(self, path: str) -> None:
        place = self.root / path
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()

    def shape(self, *, modes: bool) -> dict[str, tuple]:
        """What an outsider sees, the root included."""
        seen = {}
        for path, entry in {"": _entry(self.root), **self.entries()}.items():
            data = (self.root / path).read_bytes() if entry.kind is Kind.FILE else b""
            mode = entry.mode if modes and entry.kind is not Kind.SYMLINK else 0
            seen[path] = (entry.kind, mode, entry.mtime_ns, entry.target, entry.rdev, data)
        return seen


def _entry(place: Path) -> Entry:
    found = place.lstat()
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    return Entry(
        kind,
        found.st_size if kind is Kind.FILE else 0,
        found.st_mtime_ns,
        stat.S_IMODE(found.st_mode),
        target=os.readlink(place) if kind is Kind.SYMLINK else "",
        rdev=found.st_rdev,
        links=found.st_nlink,
        inode=found.st_ino,
    )
