"""How far a crawl is in one directory.

Law: a frame's descriptor is closed where the frame is left, or by `close`, where too many are open.
"""

import os

from mirrorfs.watch.watches import Node


class Frame:
    """One directory of a crawl. ``names`` are its subdirectories yet to visit, None before it is
    listed.

    ``announce``: say so when everything below is watched. ``covered``: a directory above will be
    announced (or `Ready` comes). ``verify``: visit what is known already too, and drop what is not
    there any more. ``listed``: the listing came to its end.
    """

    __slots__ = ("announce", "covered", "device", "fd", "listed", "names", "node", "verify")

    def __init__(
        self,
        node: Node,
        names: list[str] | None = None,
        *,
        fd: int = -1,
        announce: bool = False,
        covered: bool = False,
        verify: bool = False,
    ) -> None:
        self.node = node
        self.names = names
        self.fd = fd
        self.announce = announce
        self.covered = covered
        self.verify = verify
        self.listed = False
        self.device = -1  # not known yet

    def close(self) -> None:
        """It is opened again when it is needed."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
