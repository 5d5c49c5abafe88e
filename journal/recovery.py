"""What a writer does to the last segment before it appends: once, under its lock.

A torn tail is cut off and its bytes are kept beside the segment as `.torn`; a corrupt segment is
copied to `.broken` and then cut where the damage begins (or, with a damaged header, renamed to
`.broken` whole). Evidence is on the disk before anything is cut, and it is also the memory of what
happened: a crash between the cut and the birth of the next segment leaves a segment that *looks*
clean, so evidence of the last segment or of a later one counts as much as the damage itself.
"""

import os
import re
from typing import NamedTuple

from journal import files, scan, segment
from journal.codec import Header
from journal.errors import JournalCorrupt
from journal.scan import End
from journal.segment import Segment

_EVIDENCE = r"(.+)\.(torn|broken)"
_CHUNK = 1 << 20


class Recovery(NamedTuple):
    """`cut`: bytes that were taken off; `kept`: the name of the file that holds them."""

    state: End = "clean"
    reason: str = ""
    cut: int = 0
    kept: str = ""


class Tail(NamedTuple):
    """Where the journal ends. `header` is None while the journal has no readable segment.

    `floor`: no record, lost ones included, had a higher number. `offset`: end of the good frames.
    """

    header: Header | None = None
    offset: int = 0
    previous: int = 0
    sequence: int = -1
    floor: int = -1


def evidence(directory: int) -> list[tuple[Segment, End, str]]:
    """What earlier recoveries kept: the segment it is of, what it was, the file's name."""
    return sorted(
        (of, "torn" if match[2] == "torn" else "corrupt", match[0])
        for name in os.listdir(directory)
        if (match := re.fullmatch(_EVIDENCE, name, re.ASCII)) and (of := Segment.parse(match[1]))
    )


def recover(directory: int, path: str) -> tuple[Recovery, Tail]:
    """Make the journal's end one to append behind. Raises OSError, `JournalUnsafe`,
    `JournalVersion`. The good frames of the last segment are on the disk when it returns."""
    _clear(directory)
    done, tail = Recovery(), Tail()
    while segments := segment.current(segment.every(directory)):
        last = segments[-1]
        try:
            done, tail = _mend(directory, last, path, done)
            break
        except JournalCorrupt as error:
            # Nothing in the file can be placed: the segment before it becomes the last one.
            done = _set_aside(directory, last, error)
    return _remember(directory, done, tail)


def _clear(directory: int) -> None:
    for name in os.listdir(directory):
        of = Segment.parse(name.removeprefix(files.NEW))
        plain = name.removeprefix(files.NEW)
        ours = (of and not of.last) or re.fullmatch(_EVIDENCE, plain, re.ASCII)
        if name.startswith(files.NEW) and ours:
            files.remove(directory, name)


def _mend(directory: int, last: Segment, path: str, done: Recovery) -> tuple[Recovery, Tail]:
    fd = files.open_file(directory, last.name, os.O_RDWR)
    try:
        header = segment.header_of(fd, last, path)
        walk = scan.Walk(fd, header, os.path.join(path, last.name))
        for _ in walk.frames():
            pass
        ending = walk.ending(files.boot())
        if ending.state != "clean":
            kept = _keep(directory, last, fd, walk.offset, ending)
            os.ftruncate(fd, walk.offset)
            if done.state == "clean":
                done = Recovery(ending.state, ending.reason, ending.extent, kept)
        os.fsync(fd)
    finally:
        os.close(fd)
    return done, Tail(header, walk.offset, walk.previous, walk.sequence, walk.sequence)


def _keep(directory: int, last: Segment, fd: int, offset: int, ending: scan.Ending) -> str:
    torn = ending.state == "torn"
    start = offset if torn else 0
    name = last.name + (".torn" if torn else ".broken")

    def fill(copy: int) -> None:
        for at in range(start, offset + ending.extent, _CHUNK):
            size = min(_CHUNK, offset + ending.extent - at)
            files.write_all(copy, os.pread(fd, size, at), at - start)

    os.close(files.create(directory, name, fill))
    return name


def _set_aside(directory: int, last: Segment, error: JournalCorrupt) -> Recovery:
    size = os.stat(last.name, dir_fd=directory, follow_symlinks=False).st_size
    kept = last.name + ".broken"
    os.rename(last.name, kept, src_dir_fd=directory, dst_dir_fd=directory)
    os.fsync(directory)
    return Recovery("corrupt", error.reason, size, kept)


def _remember(directory: int, done: Recovery, tail: Tail) -> tuple[Recovery, Tail]:
    """Let evidence that no later segment has acknowledged speak again, and raise the floor."""
    first = tail.header.first if tail.header else 0
    floor = tail.floor
    for of, state, name in evidence(directory):
        if of.first < first:
            continue
        if done.state == "clean" or (state == "corrupt" and done.state == "torn"):
            done = Recovery(state, "found by an earlier recovery", 0, name)
        if state == "corrupt":
            # A record takes a byte at least, so no number beyond this one was ever given out.
            size = os.stat(name, dir_fd=directory, follow_symlinks=False).st_size
            floor = max(floor, of.last, of.first + size)
    return done, tail._replace(floor=floor)
