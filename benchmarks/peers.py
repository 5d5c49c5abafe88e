"""What a user would take instead of mirrorfs, as its manual says to use it.

Law: a peer that is not installed is named in the output with the command that installs it; it is
never left out in silence. Options that make a peer slower without making it do more are not used.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Words, environment

Command = Callable[[Path, Path, Path], list[str]]
"""(source, destination, a directory for what it remembers) -> words."""


@dataclass(frozen=True, slots=True)
class Peer:
    """``package`` is Debian's; ``codes`` are those of a run that did its work."""

    name: str
    program: str
    package: str
    command: Command
    codes: tuple[int, ...] = (0,)

    @property
    def there(self) -> bool:
        return shutil.which(self.program) is not None

    def environment(self, memory: Path) -> dict[str, str]:
        return environment(UNISON=f"{memory}/unison", RCLONE_CONFIG=f"{memory}/rclone.conf")


def _mirrorfs(*flags: str) -> Command:
    def words(source: Path, destination: Path, memory: Path) -> list[str]:
        places = [str(source), str(destination), "--state-dir", str(memory)]
        return [sys.executable, "-m", "mirrorfs", "sync", "-q", *flags, *places]

    return words


AS_RSYNC_A = ("-a", "--no-xattrs", "--no-hard-links")
"""What `rsync -a` keeps: neither ACLs nor extended attributes nor hard links."""


def _rsync(*flags: str) -> Command:
    return lambda source, destination, memory: ["rsync", *flags, f"{source}/", str(destination)]


def _cp(*flags: str) -> Command:
    return lambda source, destination, memory: ["cp", *flags, f"{source}/.", str(destination)]


def _find(source: Path, destination: Path, memory: Path) -> list[str]:
    """Look at every entry of both trees, and at nothing else: one thread's floor."""
    return ["find", str(source), str(destination), "-size", "+1000000G"]


def _rclone(source: Path, destination: Path, memory: Path) -> list[str]:
    return ["rclone", "sync", "-q", str(source), str(destination)]


def _unison(source: Path, destination: Path, memory: Path) -> list[str]:
    roots = [str(source), str(destination)]
    return ["unison", *roots, "-batch", "-silent", "-ui", "text", "-force", roots[0], "-times"]


ONCE = {
    peer.name: peer
    for peer in (
        Peer("mirrorfs -a", sys.executable, "", _mirrorfs("-a")),
        Peer("mirrorfs, as rsync -a", sys.executable, "", _mirrorfs(*AS_RSYNC_A)),
        Peer("mirrorfs", sys.executable, "", _mirrorfs()),
        Peer("rsync -a", "rsync", "rsync", _rsync("-a")),
        Peer("rsync -aHAX", "rsync", "rsync", _rsync("-aHAX")),
        Peer("cp -a", "cp", "coreutils", _cp("-a")),
        Peer("floor: find, both trees", "find", "findutils", _find),
        Peer("rclone", "rclone", "rclone", _rclone),
        Peer("unison", "unison", "unison", _unison),
    )
}
"""What mirrors once and ends."""


def _lsyncd(delay: int) -> Command:
    def words(source: Path, destination: Path, memory: Path) -> list[str]:
        memory.mkdir(exist_ok=True)
        settings = memory / f"lsyncd-{delay}.lua"
        settings.write_text(
            f'settings {{ nodaemon = true, insist = true, logfile = "{memory}/lsyncd.log" }}\n'
            f'sync {{ default.rsync, source = "{source}", target = "{destination}",'
            f" delay = {delay}, rsync = {{ archive = true }} }}\n"
        )
        return ["lsyncd", str(settings)]

    return words


LOOP = """
rsync -a --delete "$1/" "$2"
inotifywait -q -m -r -e close_write,create,delete,move,attrib --format . "$1" |
while read -r _; do
  while read -r -t 0.01 _; do :; done
  rsync -a --delete "$1/" "$2"
done
"""


def _loop(source: Path, destination: Path, memory: Path) -> list[str]:
    return ["bash", "-c", LOOP, "loop", str(source), str(destination)]


def _floor(source: Path, destination: Path, memory: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.floor", str(source), str(destination)]


def run(source: Path, destination: Path, memory: Path, *flags: str) -> list[str]:
    """The words of a mirrorfs that goes on."""
    places = [str(source), str(destination), "--state-dir", str(memory)]
    return [sys.executable, "-m", "mirrorfs", "run", "-q", *flags, *places]


def watch(source: Path, memory: Path) -> list[str]:
    """The words of a watcher that only writes the journal."""
    return [sys.executable, "-m", "mirrorfs", "watch", str(source), "--state-dir", str(memory)]


LIVE = {
    peer.name: peer
    for peer in (
        Peer("mirrorfs run", sys.executable, "", run),
        Peer("lsyncd, delay 0", "lsyncd", "lsyncd", _lsyncd(0)),
        Peer("lsyncd, default", "lsyncd", "lsyncd", _lsyncd(15)),
        Peer("floor: inotify + copy", sys.executable, "", _floor),
        Peer("inotifywait + rsync", "inotifywait", "inotify-tools", _loop),
    )
}
"""What goes on until it is stopped."""

TOOLS = {"strace": "strace", "mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs"}
"""What is measured with, and its package."""


def installed(peers: dict[str, Peer], names: Sequence[str]) -> tuple[list[Peer], list[str]]:
    """Those of the named peers that are there, and a line for each that is missing."""
    chosen = [peers[name] for name in names]
    lost = [
        f"{one.name} is not installed: apt install {one.package}" for one in chosen if not one.there
    ]
    return [one for one in chosen if one.there], lost


def version(program: str, *flags: str) -> str:
    """The first line that a program says of itself; "missing" when it is not there."""
    try:
        done = subprocess.run(
            [program, *(flags or ("--version",))], capture_output=True, text=True, check=False
        )
    except OSError:
        return "missing"
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def versions() -> dict[str, str]:
    found = {one.program for one in (*ONCE.values(), *LIVE.values())} - {sys.executable}
    asked = {name: version(name) for name in sorted(found)}
    asked["unison"] = version("unison", "-version")
    asked["inotifywait"] = version("inotifywait", "--help")
    return asked


def words(of: Words) -> str:
    return " ".join(map(os.fspath, of))
