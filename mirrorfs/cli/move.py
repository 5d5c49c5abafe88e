"""Refused: move deletes from SRC what was copied, and mirrorfs never writes a source."""

from mirrorfs.cli.invocation import Call
from mirrorfs.errors import UsageError


def run(call: Call) -> int:
    raise UsageError(
        "move is refused: mirrorfs never writes a source",
        remedy="sync to DST, verify with check, then remove SRC yourself",
    )
