"""The least that mirrors a change of a directory: hear of it, copy the file, rename it into place.

    python -m benchmarks.floor SOURCE DESTINATION

It keeps nothing, promises nothing and forgets what it does not come to; it is the floor beside
which a latency is read.
"""

import os
import select
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from mirrorfs.watch.inotify import CREATE, DELETE, DIRECTORY, MODIFY, MOVED_FROM, Inotify, decode

DIRECTORY_THAT_CHANGES = Path("000") / "00"


def main() -> None:
    source, target = (Path(word) / DIRECTORY_THAT_CHANGES for word in sys.argv[1:3])
    inotify = Inotify()
    descriptor = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    inotify.watch(descriptor, DIRECTORY)
    while True:
        select.select([inotify.fd], [], [])
        for _, mask, _, name in decode(inotify.read()):
            text = os.fsdecode(name)
            with suppress(FileNotFoundError):
                if mask & (DELETE | MOVED_FROM):
                    os.unlink(target / text)
                elif not mask & (CREATE | MODIFY):  # the close tells of the whole file
                    shutil.copy2(source / text, target / ".new")
                    os.rename(target / ".new", target / text)


if __name__ == "__main__":
    main()
