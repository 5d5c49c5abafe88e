"""What is compiled where a compiler is: all C of the project, and what binds it to Python.

Law: each function has a reference in Python that answers the same, and stands where it is used;
nothing depends on this room. The environment's ``MIRRORFS_NATIVE=0`` does without it.
"""

import os
from types import ModuleType

EDITION = 5  # counts what was changed about how the module is called; also in compiled.pyx


def load() -> ModuleType | None:
    """The compiled module, where there is one of this edition: one that was compiled in place may
    be left over from an older checkout."""
    if os.environ.get("MIRRORFS_NATIVE") == "0":
        return None
    try:
        from mirrorfs.trees.local.native import compiled as module
    except ImportError:
        return None
    return module if getattr(module, "EDITION", None) == EDITION else None
