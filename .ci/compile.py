"""Compile what may be compiled: a part of `made`, and by itself a command.

    python .ci/compile.py     compile in place, for a checkout that is worked in

Nothing depends on it: without a compiler, without Python's headers or with MIRRORFS_NATIVE=0 the
package is built all the same, for every machine, and does in Python what it would do in C.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOM = Path("mirrorfs/trees/local/native")
SOURCES = ("check.c", "copy.c")
MODULE = f"compiled{sysconfig.get_config_var('EXT_SUFFIX')}"
OPTIONS = ["-O2", "-fPIC", "-shared", "-pthread", "-Wall", "-Wextra", "-Werror=implicit"]


def obstacle() -> str:
    """What stands in the way of compiling; "" for nothing."""
    if os.environ.get("MIRRORFS_NATIVE") == "0":
        return "MIRRORFS_NATIVE=0"
    if shutil.which(compiler()[0]) is None:
        return "there is no C compiler"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "there is no Python.h"
    return ""


def compiler() -> list[str]:
    return os.environ.get("CC", "cc").split() or ["cc"]


def compile(root: Path, folder: Path | None = None) -> dict[str, Path]:
    """The compiled module by its place in the package: in ``folder``, or where it belongs. Raises
    OSError, subprocess.CalledProcessError."""
    room = root / ROOM
    target = (folder or room) / MODULE
    made = target.with_name(f"{target.name}.{os.getpid()}")
    cython = [sys.executable, "-m", "cython", "-3", str(room / "compiled.pyx")]
    flags = [*OPTIONS, *os.environ.get("CFLAGS", "").split()]
    include = ["-I", sysconfig.get_path("include"), "-I", str(room)]
    with tempfile.TemporaryDirectory() as place:
        written = f"{place}/compiled.c"
        subprocess.run([*cython, "-o", written], check=True)
        sources = [written, *(str(room / source) for source in SOURCES)]
        subprocess.run([*compiler(), *flags, *include, *sources, "-o", str(made)], check=True)
    return {str(ROOM / MODULE): made.replace(target)}  # several may be at it


if __name__ == "__main__":
    if reason := obstacle():
        sys.exit(f"nothing is compiled: {reason}")
    here = Path(__file__).resolve().parent.parent
    print("\n".join(compile(here)))
