"""When the file of a mirror was written or replaced.

Law: told of a whole file only: when it was closed by who wrote it, or took the place of another. A
file that goes is no change; the next one is.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirrorfs.watch.inotify import Inotify


async def changes(file: str, changed: Callable[[], object]) -> None:
    """Call ``changed`` once now, for what came before the watch was set, and then after each
    change, until cancelled. Where nothing can be watched it is called once."""
    import trio

    from mirrorfs.watch.inotify import Inotify

    try:
        inotify = Inotify()
    except OSError:
        changed()
        return
    try:
        while True:
            _watch(inotify, file)
            known = _content(file)
            changed()
            while _content(file) in (known, None):
                await trio.lowlevel.wait_readable(inotify.fd)
                inotify.read()
                _watch(inotify, file)  # a symlink may lead elsewhere by now
    finally:
        inotify.close()


def _watch(inotify: "Inotify", file: str) -> None:
    """The directories the name and, if it is a symlink, the file are in."""
    from mirrorfs.watch.inotify import FILES

    for directory in {os.path.dirname(file), os.path.dirname(os.path.realpath(file))}:
        with suppress(OSError):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                inotify.watch(descriptor, FILES)
            finally:
                os.close(descriptor)


def _content(file: str) -> bytes | None:
    """``None`` where there is no file to read."""
    with suppress(OSError):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:
            return stream.read()
    return None
