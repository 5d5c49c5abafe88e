"""Tasks beside a main one.

Law: the others end when the main one does, and its exception is raised as it is: a nursery would
wrap it in a group.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")


async def beside(main: Callable[[], Awaitable[T]], *others: Callable[[], Awaitable[None]]) -> T:
    """What ``main`` returns or raises. Another one that fails ends it (then a group is raised)."""
    trouble: Exception | None = None
    done: list[T] = []
    async with trio.open_nursery() as nursery:
        for other in others:
            nursery.start_soon(other)
        try:
            done.append(await main())
        except Exception as error:
            trouble = error
        nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble
    return done[0]
