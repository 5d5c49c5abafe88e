"""The program: `mirrorfs`, and `python -m mirrorfs`."""

import gc
import sys

from mirrorfs.cli import main

MANY = 50_000  # new objects before a look for garbage; Python's own measure is 700


def program() -> int:
    """The exit code of one command, after which the process ends."""
    # What Python looks through for garbage is nearly all alive: modules, plans, names of a view.
    gc.set_threshold(MANY)
    code = main()
    # Python ends with a look for garbage among all that is left: a tenth of a short run.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(program())
