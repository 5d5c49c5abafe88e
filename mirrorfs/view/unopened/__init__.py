"""Whether directories are listed without being opened: then the kernel keeps their names, and who
looks twice asks nobody.

Law: where nothing was compiled, or the kernel or libfuse cannot, directories are opened, and all
else is the same. `Operations.readdir` finds the directory's inode number as its handle either way.
The environment's ``MIRRORFS_NATIVE=0`` does without it.
"""

import os
import sys
from types import ModuleType


def _load() -> ModuleType | None:
    if os.environ.get("MIRRORFS_NATIVE") == "0":
        return None
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)  # what pyfuse3 calls is looked for here first
    try:
        from mirrorfs.view.unopened import compiled as module
    except ImportError:
        return None
    finally:
        sys.setdlopenflags(flags)
    return module if getattr(module, "ROWS", None) == ROWS else None


ROWS = 0x6D6972726F720001  # a generation no inode has: what is told is rows; see unopened.h
_compiled = _load()


def heard() -> bool:
    """Whether the kernel that mounted the view can be told that no directory is opened, and rows
    be told many at a time: known from its first request on."""
    return _compiled is not None and _compiled.heard()


def told() -> int:
    """How many rows the last answer took that was given any."""
    return 0 if _compiled is None else _compiled.told()
