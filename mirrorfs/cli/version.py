"""Print the version of mirrorfs."""

from mirrorfs import __version__
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out


def run(call: Call) -> int:
    print_out(f"mirrorfs {__version__}\n")
    return 0
