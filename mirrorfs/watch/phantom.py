"""Files made without a name (O_TMPFILE), which events call ``#`` and their inode number for ever.

Law: such a file may be given a name while it is still written to. Then the writes that follow are
heard under the phantom name only; so the directory is searched for the inode, once per `Pace.quiet`
at most.

The phantom name itself is reported like any other: looking at it costs one lstat, and there may be
a real file that is called so. A file linked into another directory than it was opened in is not
found here.
"""

import os

from mirrorfs.core.tree import join
from mirrorfs.watch.backends import Backend
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.settle import Key
from mirrorfs.watch.sift import Names
from mirrorfs.watch.watches import Watches


class Phantoms:
    """The inodes whose names are to be found."""

    def __init__(self, watches: Watches, backend: Backend, quiet: float) -> None:
        self._watches = watches
        self._backend = backend
        self._quiet = quiet
        self._wanted: dict[int, set[int]] = {}
        self.due: float | None = None

    def notice(self, dirty: Names, now: float) -> None:
        """Pick the phantoms from names that are about to be reported."""
        for wd, names in dirty.items():
            for name in [name for name in names if name < b"$"]:
                if name[:1] == b"#" and name[1:].isdigit():
                    self._wanted.setdefault(wd, set()).add(int(name[1:]))
                    if self.due is None:
                        self.due = now + self._quiet

    def waiting(self) -> list[Key]:
        """The phantom names still to be looked for."""
        return [(wd, b"#%d" % inode) for wd, inodes in self._wanted.items() for inode in inodes]

    def find(self, batch: Batch) -> None:
        """Report the names that the wanted inodes have by now."""
        wanted, self._wanted, self.due = self._wanted, {}, None
        for wd, inodes in wanted.items():
            node = self._watches.nodes.get(wd)
            directory = None if node is None else self._watches.path(node)
            if node is None or directory is None:
                continue
            try:
                fd = self._backend.open(node)
            except OSError:
                fd = -1
            if fd < 0:
                batch.paths[directory] = True
                continue
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        if entry.inode() in inodes:
                            batch.paths.setdefault(join(directory, entry.name), False)
            except OSError:
                batch.paths[directory] = True
            finally:
                os.close(fd)
