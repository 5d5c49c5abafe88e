"""What a crawl that ends in the middle leaves to be looked at.

Law: a directory whose watch was there before says by its number nothing of whether it was announced
in the place where it is now; so what is still to be announced is known by name.
"""

import os
from collections.abc import Iterator

from mirrorfs.watch.crawl import Crawler
from mirrorfs.watch.settle import Key


def pending(crawler: Crawler) -> Iterator[Key]:
    """What is to be looked at whole."""
    for node in crawler.stale:
        yield node.wd, b""
    for stack in crawler.stacks.values():
        for frame in stack:
            if frame.announce or (frame.names is None and not frame.covered):
                yield frame.node.wd, b""
                break
            if not frame.covered:
                for name in frame.names or ():
                    yield frame.node.wd, os.fsencode(name)
