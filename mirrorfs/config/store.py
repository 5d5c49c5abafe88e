"""A file of a mirror put in its place, whole or not at all.

Law: what is there is replaced only when that was asked for; a name that somebody else takes
meanwhile is his.
"""

import os
from contextlib import suppress

from mirrorfs.errors import PermanentError, UsageError


def store(file: str, text: str, *, over: bool) -> None:
    """Write the file; ``over`` one that is there. Raises UsageError, PermanentError."""
    folder = os.path.dirname(file)
    new = os.path.join(folder, f".{os.path.basename(file)}.{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
        try:
            with open(new, "x", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            if over:
                os.rename(new, file)
            else:
                os.link(new, file)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(new)
    except FileExistsError:
        raise UsageError(
            f"{file} is there already", remedy="take another name, or remove it first"
        ) from None
    except OSError as error:
        raise PermanentError(
            f"cannot write {file}: {error.strerror}", remedy="choose another --config-dir"
        ) from error
