"""The program: `mirrorfs`, and `python -m mirrorfs`."""

import gc
import sys

from mirrorfs.cli import main


def program() -> int:
    """The exit code of one command, after which the process ends."""
    code = main()
    # Python ends with a look for garbage among all that is left: a tenth of a short run.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(program())
