"""Examine how well a source can be watched, whether anybody watches it or not.

Law: nothing is written and nothing is left watched: what would serve each mount is tried and let
go of, and the directories are counted against the limits.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from mirrorfs.core.tree import join
from mirrorfs.mirror.noticing import Noticing
from mirrorfs.status.coverage import RIGHTS, Covered, commands, coverage, limits, raise_limit
from mirrorfs.watch import Serving
from mirrorfs.watch.backends.choice import RIGHTS as NEEDS_RIGHTS
from mirrorfs.watch.backends.choice import refusal
from mirrorfs.watch.coverage import plain, reason
from mirrorfs.watch.hearing import hears
from mirrorfs.watch.kinds import is_silent
from mirrorfs.watch.mounts import Mounts
from mirrorfs.watch.parts import MANY

ASKED = "asked for"
_SHOWN = 16


class Finding(NamedTuple):
    """Something that is not as well as it could be; ``remedy`` can be typed."""

    what: str
    remedy: str


class Diagnosis(NamedTuple):
    """``covered`` is what would be (see `mirrorfs.status.coverage`), ``directories`` all there are,
    ``limits`` inotify's, ``in_use`` how many watches this user has set already. ``hints`` would
    make it better, and nothing is wrong without them."""

    covered: Covered
    directories: int
    limits: dict[str, int]
    in_use: int
    findings: tuple[Finding, ...]
    hints: tuple[Finding, ...]


def examine(
    source: str, exclude: Callable[[str], bool], *, one_file_system: bool, noticing: Noticing
) -> Diagnosis:
    """Raises OSError when the source cannot be listed."""
    kinds = _mounts(source)
    if one_file_system:
        kinds = {"": kinds[""]}
    device = os.stat(source).st_dev if one_file_system else None
    counts, blind = _count(source, exclude, kinds, device)
    backends = {path: _backend(source, path, kinds, noticing) for path in sorted(kinds)}
    parts = []
    for path, (backend, why) in backends.items():
        lag = noticing.poll if backend == "poll" else 0.0
        watched = 0 if backend == "fanotify" else counts.get(path, 0)
        parts.append(Serving(path, backend, kinds[path], watched, lag, why))
        if backend == "inotify" and is_silent(kinds[path]):
            parts.append(Serving(path, "poll", kinds[path], watched, noticing.poll, why))
    known, used = limits(), _in_use()
    lag = max((part.lag for part in parts), default=0.0)
    covered = coverage(tuple(parts), blind, max(lag, noticing.poll if blind else 0.0), known)
    needed = sum(part.directories for part in parts if part.backend == "inotify")
    findings = [
        Finding(
            f"{path or '.'} and everything below: {why}",
            next(iter(commands({path: why}, needed, known)), ""),
        )
        for path, why in blind.items()
    ]
    room = known.get("max_user_watches", needed)
    if needed > room:
        findings.append(
            Finding(
                f"{needed:,} directories need a watch each, and a user may have {room:,}",
                raise_limit("max_user_watches", needed, known),
            )
        )
    findings += [
        Finding(f"{part.path or '.'}: {part.why}: changes are found within {part.lag:.0f} s", "")
        for part in parts
        if part.backend == "poll" and part.why != ASKED
    ]
    hints = []
    if any(part.why.endswith(NEEDS_RIGHTS) for part in parts):
        hints.append(Finding("fanotify needs no watch per directory, and rights", RIGHTS))
    if needed <= room < needed + used:
        hints.append(
            Finding(
                f"{used:,} watches of this user are in use; with {needed:,} more the limit of "
                f"{room:,} is passed, if not by a watcher of this source",
                raise_limit("max_user_watches", needed + used, known),
            )
        )
    return Diagnosis(covered, sum(counts.values()), known, used, tuple(findings), tuple(hints))


def _mounts(source: str) -> dict[str, str]:
    mounts = Mounts(os.path.realpath(source))
    try:
        return {path: mounted.kind for path, mounted in mounts.seen().items()}
    finally:
        mounts.close()


def _backend(source: str, path: str, kinds: dict[str, str], noticing: Noticing) -> tuple[str, str]:
    """What would serve a mount, and why nothing better."""
    place = join(source, path) if path else source
    silence = f"{kinds[path]} changes in silence" if is_silent(kinds[path]) else ""
    if noticing.backend == "poll":
        return "poll", silence or ASKED
    why = ASKED
    try:
        if noticing.backend != "inotify" and len(kinds) <= MANY:
            why = refusal(place)
            if not why and not silence:
                return "fanotify", ""
            why = f"no fanotify: {why}"
        if not hears(place):
            return "poll", "the kernel tells of no events here"
    except OSError as error:
        why = plain(reason(error))
    return "inotify", silence or why


def _count(
    source: str, exclude: Callable[[str], bool], kinds: dict[str, str], device: int | None
) -> tuple[dict[str, int], dict[str, str]]:
    """Directories by the mount they are in, and those that cannot be listed, with reasons."""
    counts: dict[str, int] = {}
    blind: dict[str, str] = {}
    pending = [("", "")]
    while pending:
        path, mount = pending.pop()
        mount = path if path in kinds else mount
        place = os.path.join(source, path) if path else source
        try:
            with os.scandir(place) as entries:
                below = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            if not path:
                raise
            if len(blind) < _SHOWN:
                blind[path] = plain(reason(error))
            continue
        counts[mount] = counts.get(mount, 0) + 1
        for entry in below:
            at = join(path, entry.name)
            if exclude(at) or (
                device is not None and entry.stat(follow_symlinks=False).st_dev != device
            ):
                continue
            pending.append((at, mount))
    return counts, blind


def _in_use() -> int:
    """How many inotify watches the processes of this user have set, as far as it may be asked."""
    found, user = 0, os.getuid()
    for process in filter(str.isdigit, os.listdir("/proc")):
        directory = f"/proc/{process}/fd"
        try:
            if os.stat(f"/proc/{process}").st_uid != user:
                continue
            for name in os.listdir(directory):
                if os.readlink(f"{directory}/{name}") == "anon_inode:inotify":
                    with open(f"/proc/{process}/fdinfo/{name}", encoding="utf-8") as file:
                        found += sum(line.startswith("inotify ") for line in file)
        except OSError:
            continue
    return found
