"""What the kernel is told where there is no answer.

Law: every question is answered, by an error if need be.
"""

import errno
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

from pyfuse3 import FUSEError

from mirrorfs.core.tree import TreeError, Trouble

_log = logging.getLogger(__name__)
_ERRORS = {
    Trouble.ABSENT: errno.ENOENT,
    Trouble.DENIED: errno.EACCES,
    Trouble.LOOP: errno.ELOOP,
    Trouble.BUSY: errno.EAGAIN,
}
T = TypeVar("T")
P = ParamSpec("P")


def answered(handler: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """An error nobody thought of costs one answer, not the view."""

    @wraps(handler)
    async def answer(*arguments: P.args, **more: P.kwargs) -> T:
        try:
            return await handler(*arguments, **more)
        except FUSEError:
            raise
        except Exception:
            _log.exception("the view could not answer %s", handler.__name__)
            raise FUSEError(errno.EIO) from None

    return answer


def refuse(error: Exception) -> NoReturn:
    """The errno for what a tree says. Raises FUSEError."""
    if isinstance(error, TreeError):
        raise FUSEError(_ERRORS.get(error.trouble, errno.EIO)) from None
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.ENOENT):
        raise FUSEError(error.errno) from None
    raise FUSEError(errno.EIO) from None
