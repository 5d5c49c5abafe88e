"""Trees as data: make one on disk from a picture, look at one, and say how it differs.

A picture is ``{path: features}``, parents implied. Features: ``type`` (file, dir, symlink, fifo),
``content`` or ``size`` and ``fill``, ``mtime``, ``mode`` (octal), ``uid``, ``gid``, ``xattr``,
``target``. What a picture does not mention is not compared.
"""

import datetime
import os
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Picture = Mapping[str, Mapping[str, Any]]

_SOMETIME = 981_173_106_499_999_999
_TYPES = {stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo"}


class Seen(NamedTuple):
    """What is at a path."""

    type: str
    data: bytes  # a link's target, a file's content
    stat: os.stat_result
    xattrs: dict[str, str]

    @property
    def touch(self) -> tuple[int, int]:
        """Changes when anything is done to it."""
        return self.stat.st_ino, self.stat.st_ctime_ns

    @property
    def face(self) -> tuple[str, bytes, int, int]:
        """What its owner would call a change."""
        return self.type, self.data, self.stat.st_mtime_ns, self.stat.st_mode


def nanoseconds(moment: str) -> int:
    """An RFC 3339 time of UTC."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    seconds = int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def content(features: Mapping[str, Any]) -> bytes:
    if "size" in features:
        return features["fill"].encode() * features["size"]
    return features.get("content", "").encode("utf-8", "surrogateescape")


def make(root: Path, picture: Picture) -> None:
    """Put a picture on disk; modes, owners and the times of directories last."""
    root.mkdir(parents=True, exist_ok=True)
    for path, features in picture.items():
        place = root / path
        kind = features.get("type", "file")
        (place if kind == "dir" else place.parent).mkdir(parents=True, exist_ok=True)
        if kind == "file":
            place.write_bytes(content(features))
        elif kind == "symlink":
            place.symlink_to(features["target"])
        elif kind == "fifo":
            os.mkfifo(place)
        for name, value in features.get("xattr", {}).items():
            os.setxattr(place, name, value.encode())
    for path in sorted(picture, key=lambda path: -path.count("/")):
        features, place = picture[path], root / path
        if "mtime" in features or features.get("type", "file") == "file":
            moment = nanoseconds(features["mtime"]) if "mtime" in features else _SOMETIME
            os.utime(place, ns=(moment, moment), follow_symlinks=False)
        if "uid" in features or "gid" in features:
            os.chown(place, features.get("uid", -1), features.get("gid", -1))


def restrict(root: Path, picture: Picture) -> None:
    """Give the modes, which may lock us out."""
    for path in sorted(picture, key=lambda path: -path.count("/")):
        if "mode" in picture[path]:
            (root / path).chmod(int(picture[path]["mode"], 8))


def give(root: Path, user: int) -> None:
    """Let everything belong to somebody else."""
    for place in (root, *root.rglob("*")):
        os.lchown(place, user, user)


def settle(clock: Path) -> None:
    """Wait until the file system's clock has moved on, so that a change shows in a ctime."""
    before = os.stat(clock).st_ctime_ns
    while os.stat(clock).st_ctime_ns == before:
        time.sleep(0.001)
        os.utime(clock)


def look(root: Path) -> dict[str, Seen] | None:
    """Everything below a directory; ``None`` when it is not there."""
    if not os.path.lexists(root):
        return None
    seen = {}
    pending = [root]
    while pending:
        with os.scandir(pending.pop()) as listing:
            for entry in listing:
                place = Path(entry.path)
                status = place.lstat()
                kind = _TYPES.get(stat.S_IFMT(status.st_mode), "other")
                data = b""
                if kind == "dir":
                    pending.append(place)
                elif kind == "file":
                    data = place.read_bytes()
                elif kind == "symlink":
                    data = os.fsencode(os.readlink(place))
                xattrs = {
                    name: os.getxattr(place, name, follow_symlinks=False).decode(errors="replace")
                    for name in os.listxattr(place, follow_symlinks=False)
                }
                seen[str(place.relative_to(root))] = Seen(kind, data, status, xattrs)
    return seen


def unlike(picture: Picture | None, seen: dict[str, Seen] | None, *, directories=True) -> list[str]:
    """How what was seen differs from the picture; ``directories``: no others may be there."""
    if picture is None or seen is None:
        return [] if picture is seen else [f"there: {seen is not None}"]
    implied = {str(parent) for path in picture for parent in Path(path).parents} - {"."}
    wrong = [f"missing: {path!r}" for path in sorted(implied.union(picture) - seen.keys())]
    for path, found in sorted(seen.items()):
        if path in picture:
            wrong += [f"{path!r}: {line}" for line in _unlike(picture[path], found)]
        elif found.type != "dir" or (directories and path not in implied):
            wrong.append(f"unexpected: {found.type} {path!r} {found.data[:40]!r}")
    return wrong


def _unlike(features: Mapping[str, Any], seen: Seen) -> Iterable[str]:
    kind = features.get("type", "file")
    if kind != seen.type:
        yield f"a {seen.type}, not a {kind}"
        return
    if kind == "symlink" and os.fsencode(features["target"]) != seen.data:
        yield f"points to {seen.data!r}"
    if kind == "file" and {"content", "size"} & features.keys() and content(features) != seen.data:
        yield f"holds {seen.data[:40]!r}, not {content(features)[:40]!r}"
    if "mtime" in features and nanoseconds(features["mtime"]) != seen.stat.st_mtime_ns:
        yield f"mtime {seen.stat.st_mtime_ns}, not {features['mtime']}"
    if "mode" in features and int(features["mode"], 8) != stat.S_IMODE(seen.stat.st_mode):
        yield f"mode {seen.stat.st_mode:o}, not {features['mode']}"
    for name, is_now in (("uid", seen.stat.st_uid), ("gid", seen.stat.st_gid)):
        if features.get(name, is_now) != is_now:
            yield f"{name} {is_now}, not {features[name]}"
    for name, value in features.get("xattr", {}).items():
        if seen.xattrs.get(name) != value:
            yield f"{name} is {seen.xattrs.get(name)!r}, not {value!r}"
