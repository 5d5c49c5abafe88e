"""Where trees are made, and that nothing is left of them.

Law: everything is in one directory for each place, which is gone at the end, also of an interrupted
run; what a killed run left is removed by the next one. Mounts are undone first.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks import trees
from benchmarks.facts import file_system
from benchmarks.measure import STOPS

PREFIX = "mirrorfs-bench-"
MILLION, EQUAL = "million", "million, copied"
_libc = ctypes.CDLL(None, use_errno=True)


class Place:
    """A directory of our own on a file system. ``name``: as it is called in the tables."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self.kind = file_system(root)
        self._made = 0
        self._trees: dict[str, Path] = {}

    @property
    def keeps(self) -> bool:
        """Whether what was copied stays until the end: ext4 avoids inodes that were freed a moment
        ago, and searches long for others, which would be everyone's largest cost."""
        return self.kind == "ext4"

    def fresh(self, what: str) -> Path:
        """A name that nothing has yet."""
        self._made += 1
        return self.root / f"{what}-{self._made}"

    def empty(self, what: str) -> Path:
        """A new directory."""
        path = self.fresh(what)
        path.mkdir()
        return path

    def tree(self, what: str, make: Callable[[Path], None]) -> Path:
        """The tree of that name, made when it is asked for first. Nobody changes it."""
        if what not in self._trees:
            self._trees[what] = path = self.fresh(what)
            make(path)
            self.settle()
        return self._trees[what]

    def million(self, files: int) -> tuple[Path, Path]:
        """A tree of many empty files and its equal, made once for all questions of a run. Whoever
        changes it puts it back; a few changed files do not matter."""
        source = self.tree(MILLION, partial(trees.many, files=files, size=0))
        if EQUAL not in self._trees:
            self._trees[EQUAL] = target = self.empty("target")
            trees.copied(source, target)
            self.settle()
        return source, self._trees[EQUAL]

    def clear(self) -> None:
        """Remove all but what the next questions will ask for again."""
        self._trees = {name: at for name, at in self._trees.items() if name in (MILLION, EQUAL)}
        for path in self.root.iterdir():
            if path not in self._trees.values():
                remove(path)

    def settle(self) -> None:
        """What was written so far is on the disk: nobody pays for the one before."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _libc.syncfs(descriptor)
        finally:
            os.close(descriptor)

    def free(self) -> int:
        """Bytes."""
        return shutil.disk_usage(self.root).free


@contextmanager
def places(roots: dict[str, Path]) -> Iterator[dict[str, Place]]:
    """A place below each directory. SIGTERM ends the run as Ctrl-C does, and all is removed."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def deaf() -> None:  # and so are the children: cleaning up is not interrupted
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)

    with ExitStack() as undo:
        for number in STOPS:
            undo.callback(signal.signal, number, signal.signal(number, stop))
        found = {}
        for name, root in roots.items():
            _tidy(root)
            path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
            undo.callback(remove, path)
            if name == "tmpfs":
                _own_tmpfs(path)
            found[name] = Place(name, path)
        undo.callback(deaf)
        yield found


@contextmanager
def mounted(place: Place, kind: str, size: int) -> Iterator[Place]:
    """A file system of that kind in an image that takes space only where it is written. Needs root.
    Raises CalledProcessError, and OSError where there is no mkfs for it."""
    image, point = place.fresh(f"{kind}.image"), place.empty(kind)
    with open(image, "wb") as file:
        file.truncate(size)
    words = {
        "btrfs": ["mkfs.btrfs", "-q", "-f"],
        "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", "-N", "400000"],
        "xfs": ["mkfs.xfs", "-q", "-f"],
    }[kind]
    try:
        subprocess.run([*words, str(image)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-o", "loop", str(image), str(point)], check=True)
        try:
            yield Place(kind, point)
        finally:
            unmount(point)
    finally:
        image.unlink()


def unmount(point: Path) -> None:
    """At once, or as soon as nobody uses it any more."""
    for words in (["umount", str(point)], ["umount", "-l", str(point)]):
        if subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return


def remove(path: Path) -> None:
    """A tree and what is mounted in it."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        point = line.split()[4].encode().decode("unicode_escape")
        if point == str(path) or point.startswith(f"{path}/"):
            unmount(Path(point))
    subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=False)


def _own_tmpfs(path: Path) -> None:
    """Where we may mount one: the number of its files is not limited, as that of /dev/shm is, and
    it is gone in an instant. Else it is what the directory is."""
    if os.geteuid() == 0:
        words = ["mount", "-t", "tmpfs", "-o", "nr_inodes=0,size=80%", "tmpfs", str(path)]
        subprocess.run(words, check=False)


def _tidy(root: Path) -> None:
    """What runs that were killed left behind."""
    for left in root.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        with suppress(ValueError):
            if not Path(f"/proc/{int(pid)}").exists():
                remove(left)
