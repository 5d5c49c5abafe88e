"""A process that changes a tree in every way a program can, at random and without a pause.

    python mutator.py ROOT SEED OPERATIONS [WITHOUT ...]

Law: from one seed comes one sequence of choices; what they meet depends on who else is at work in
the same tree, so every operation may fail with an OSError, and that is no error. Nothing leaves
ROOT, except into ROOT.aside and back.
"""

import ctypes
import mmap
import os
import random
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Collection
from typing import BinaryIO, cast

NAMES = ["a", "b", "a-b", "c.tmp", "d", "E", "f g", "ü", "-h", "n\nl", "x" * 200, *"ijklmnopqrst"]
DEPTH = 5
RARE = 0.1  # how often what removes a whole tree is done, that something remains
EXCHANGE = 2
_renameat2 = ctypes.CDLL(None, use_errno=True).renameat2


class Mutator:
    """Each public method is one kind of operation, chosen as often as any other."""

    def __init__(self, root: str, seed: int, without: Collection[str] = ()) -> None:
        self._root = root
        self._aside = f"{root}.aside"
        os.makedirs(self._aside, exist_ok=True)
        self._rng = random.Random(seed)
        self._seed = seed
        self._number = 0
        self._kinds: list[Callable[[], None]] = [
            getattr(self, name)
            for name in sorted(dir(self))
            if not name.startswith("_") and name not in ("run", *without)
        ]

    def run(self, operations: int) -> None:
        for _ in range(operations):
            self._number += 1
            try:
                self._rng.choice(self._kinds)()
            except (OSError, ValueError):  # ValueError: a mapping of an empty file
                continue

    # content

    def write(self) -> None:
        with _open(self._path(), "wb") as file:
            file.write(self._bytes())

    def write_again(self) -> None:
        """The same size, so that only the time tells."""
        path = self._existing(stat.S_ISREG)
        with _open(path, "r+b") as file:
            file.write(b"%08d" % (self._number % 10**8))

    def append(self) -> None:
        with _open(self._path(), "ab") as file:
            file.write(self._bytes())

    def append_in_steps(self) -> None:
        with _open(self._path(), "ab") as file:
            for _ in range(5):
                file.write(self._bytes())
                file.flush()

    def truncate(self) -> None:
        os.truncate(self._existing(stat.S_ISREG), self._rng.randrange(5000))

    def sparse(self) -> None:
        with _open(self._path(), "wb") as file:
            file.seek(self._rng.randrange(1, 1 << 20))
            file.write(b"end")

    def allocate(self) -> None:
        with _open(self._path(), "ab") as file:
            os.posix_fallocate(file.fileno(), 0, self._rng.randrange(1, 20_000))

    def store_mapped(self) -> None:
        """A store through a mapping makes no event of its own; the time set after it does."""
        path = self._existing(stat.S_ISREG)
        with _open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            child = os.fork()
            if child == 0:  # RACE: where others cut the file short meanwhile, a store is SIGBUS
                memory[0] = self._number % 256
                memory.flush()
                os._exit(0)
            os.waitpid(child, 0)
        os.utime(path)

    # names

    def make_directory(self) -> None:
        os.mkdir(self._path())

    def make_directories(self) -> None:
        path = os.path.join(self._path(), self._name(), self._name())
        os.makedirs(path)
        with _open(os.path.join(path, self._name()), "wb") as file:
            file.write(self._bytes())

    def unlink(self) -> None:
        os.unlink(self._existing())

    def remove_directory(self) -> None:
        os.rmdir(self._existing(stat.S_ISDIR))

    def remove_tree(self) -> None:
        if self._rng.random() < RARE:
            shutil.rmtree(self._existing(stat.S_ISDIR), ignore_errors=True)

    def remove_tree_and_make_it_again(self) -> None:
        if self._rng.random() > RARE:
            return
        path = self._existing(stat.S_ISDIR)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        with _open(os.path.join(path, self._name()), "wb") as file:
            file.write(self._bytes())

    def rename(self) -> None:
        os.rename(self._existing(), self._path())

    def rename_directory(self) -> None:
        os.rename(self._existing(stat.S_ISDIR), self._path())

    def rename_in_a_chain(self) -> None:
        path = self._existing()
        for _ in range(3):
            target = self._path()
            os.rename(path, target)
            path = target

    def exchange(self) -> None:
        one, other = self._existing(), self._existing()
        _renameat2(-100, os.fsencode(one), -100, os.fsencode(other), EXCHANGE)

    def save(self) -> None:
        """Like an editor: beside it, then over it."""
        path = self._existing(stat.S_ISREG)
        new = f"{path[:-1]}~"
        with _open(new, "wb") as file:
            file.write(self._bytes())
        os.replace(new, path)

    def move_out(self) -> None:
        os.rename(self._existing(), os.path.join(self._aside, self._name()))

    def move_in(self) -> None:
        os.rename(os.path.join(self._aside, self._name()), self._path())

    def replace_by_another_kind(self) -> None:
        path = self._existing()
        if stat.S_ISDIR(os.lstat(path).st_mode):
            if self._rng.random() > RARE:
                return
            shutil.rmtree(path, ignore_errors=True)
            os.symlink(self._name(), path)
        else:
            os.unlink(path)
            os.mkdir(path)

    # links and other kinds

    def link(self) -> None:
        os.link(self._existing(stat.S_ISREG), self._path(), follow_symlinks=False)

    def symlink(self) -> None:
        os.symlink(self._rng.choice([self._name(), "..", "/no/where", "a/b/../c"]), self._path())

    def replace_symlink(self) -> None:
        path = self._existing(stat.S_ISLNK)
        os.unlink(path)
        os.symlink(f"{self._name()}-{self._number}", path)

    def fifo(self) -> None:
        os.mkfifo(self._path(), 0o640)

    def socket(self) -> None:
        directory = self._directory()
        with socket.socket(socket.AF_UNIX) as bound:
            held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                bound.bind(f"/proc/self/fd/{held}/{self._name()}"[:100])
            finally:
                os.close(held)

    # attributes

    def change_mode(self) -> None:
        path = self._existing(lambda mode: not stat.S_ISLNK(mode))
        os.chmod(path, self._rng.choice([0o600, 0o640, 0o755, 0o700, 0o444, 0o1777]))

    def change_owner(self) -> None:
        path = self._existing()
        os.chown(path, self._rng.choice([0, 1, 65534]), 0, follow_symlinks=False)

    def change_time(self) -> None:
        path = self._existing()
        os.utime(path, ns=(1, self._rng.randrange(2**60)), follow_symlinks=False)

    def set_attribute(self) -> None:
        path = self._existing(stat.S_ISREG)
        os.setxattr(path, f"user.{self._rng.choice('ab')}", str(self._number).encode())

    # choices

    def _name(self) -> str:
        return self._rng.choice(NAMES)

    def _bytes(self) -> bytes:
        size = self._rng.choice([0, 1, 10, 1000, 5000, 70_000])
        stamp = b"%d.%d " % (self._seed, self._number)
        return (stamp * (size // len(stamp) + 1))[:size]

    def _directory(self) -> str:
        """An existing directory, the root or below."""
        path = self._root
        for _ in range(self._rng.randrange(DEPTH)):
            below = [
                entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False)
            ]
            if not below:
                break
            path = self._rng.choice(sorted(below))
        return path

    def _path(self) -> str:
        """A name in an existing directory, taken or not."""
        return os.path.join(self._directory(), self._name())

    def _existing(self, kind: Callable[[int], bool] = lambda _: True) -> str:
        """What there is, of some kind. Raises FileNotFoundError when the first look finds none."""
        for _ in range(3):
            directory = self._directory()
            found = [
                entry.path
                for entry in os.scandir(directory)
                if kind(entry.stat(follow_symlinks=False).st_mode)
            ]
            if found:
                return self._rng.choice(sorted(found))
        raise FileNotFoundError


def _open(path: str, mode: str) -> BinaryIO:
    """A file; never one that waits for the other end of a fifo."""
    return cast(
        "BinaryIO",
        open(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK, 0o644)),
    )


if __name__ == "__main__":
    Mutator(sys.argv[1], int(sys.argv[2]), sys.argv[4:]).run(int(sys.argv[3]))
