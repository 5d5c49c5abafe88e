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

ROOMS = (  # where, what beside compiled.pyx, and the library it needs, as pkg-config calls it
    (Path("mirrorfs/trees/local/native"), ("check.c", "copy.c", "names.c"), ""),
    (Path("mirrorfs/view/unopened"), ("unopened.c",), "fuse3"),
    (Path("mirrorfs/view/rows"), (), ""),
)
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
    """The compiled modules by their places in the package: in ``folder``, or where they belong.
    What needs a library that is not here is left out. Raises OSError,
    subprocess.CalledProcessError."""
    return {
        str(room / MODULE): _compile(root / room, sources, folder, words)
        for room, sources, library in ROOMS
        if (words := _library(library)) is not None
    }


def _library(name: str) -> list[str] | None:
    """What the compiler must be told to use a library; ``None`` where it is not to be had."""
    if not name:
        return []
    try:
        asked = ["pkg-config", "--cflags", "--libs", name]
        words = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return None
    return ["-Wl,--no-as-needed", *words]  # it is looked into only when something is asked of it


def _compile(room: Path, sources: tuple[str, ...], folder: Path | None, library: list[str]) -> Path:
    target = room / MODULE if folder is None else folder / f"{room.name}-{MODULE}"
    made = target.with_name(f"{target.name}.{os.getpid()}")
    cython = [sys.executable, "-m", "cython", "-3", str(room / "compiled.pyx")]
    flags = [*OPTIONS, *os.environ.get("CFLAGS", "").split()]
    include = ["-I", sysconfig.get_path("include"), "-I", str(room)]
    with tempfile.TemporaryDirectory() as place:
        written = f"{place}/compiled.c"
        subprocess.run([*cython, "-o", written], check=True)
        words = [*compiler(), *flags, *include, written, *(str(room / name) for name in sources)]
        subprocess.run([*words, *library, "-o", str(made)], check=True)
    return made.replace(target)  # several may be at it


if __name__ == "__main__":
    if reason := obstacle():
        sys.exit(f"nothing is compiled: {reason}")
    here = Path(__file__).resolve().parent.parent
    print("\n".join(compile(here)))
