"""Whether directories are listed without being opened: then the kernel keeps their names, and who
looks twice asks nobody.

Law: where nothing was compiled, or the kernel or libfuse cannot, directories are opened, and all
else is the same. `Operations.readdir` finds the directory's inode number as its handle either way.
The environment's ``MIRRORFS_NATIVE=0`` does without it.
"""

import os
import sys
from collections.abc import Callable


def _no() -> bool:
    return False


def _compiled() -> Callable[[], bool]:
    if os.environ.get("MIRRORFS_NATIVE") == "0":
        return _no
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)  # what pyfuse3 calls is looked for here first
    try:
        from mirrorfs.view.unopened.compiled import heard
    except ImportError:
        return _no
    finally:
        sys.setdlopenflags(flags)
    return heard


heard: Callable[[], bool] = _compiled()
"""Whether the kernel that mounted the view can be told that no directory is opened: known from its
first request on."""
