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

LOCAL = Path("mirrorfs/trees/local")
ROOMS = ((LOCAL / "quick", "check.c"), (LOCAL / "small", "copy.c"))
MODULE = f"native{sysconfig.get_config_var('EXT_SUFFIX')}"
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
    """The compiled modules by their places in the package: in ``folder``, or where they belong.
    Raises OSError, subprocess.CalledProcessError."""
    return {str(room / MODULE): _compile(root / room, source, folder) for room, source in ROOMS}


def _compile(room: Path, source: str, folder: Path | None) -> Path:
    target = room / MODULE if folder is None else folder / f"{room.name}-{MODULE}"
    made = target.with_name(f"{target.name}.{os.getpid()}")
    cython = [sys.executable, "-m", "cython", "-3", str(room / "native.pyx")]
    flags = [*OPTIONS, *os.environ.get("CFLAGS", "").split()]
    include = ["-I", sysconfig.get_path("include"), "-I", str(room)]
    with tempfile.TemporaryDirectory() as place:
        written = f"{place}/native.c"
        subprocess.run([*cython, "-o", written], check=True)
        words = [*compiler(), *flags, *include, written, str(room / source), "-o", str(made)]
        subprocess.run(words, check=True)
    return made.replace(target)  # several may be at it


if __name__ == "__main__":
    if reason := obstacle():
        sys.exit(f"nothing is compiled: {reason}")
    here = Path(__file__).resolve().parent.parent
    print("\n".join(compile(here)))
