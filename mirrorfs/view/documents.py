"""The files that tell about the plan as a whole, as text.

Law: written to a file without a name when somebody asks, once for each picture; never held in
memory.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from mirrorfs.core import carry
from mirrorfs.drives import absolute
from mirrorfs.errors import MirrorError
from mirrorfs.hold import HoldFile, approve_command
from mirrorfs.output.escape import printable
from mirrorfs.output.plans import amount, as_json, as_text
from mirrorfs.status import status
from mirrorfs.view.picture import Picture
from mirrorfs.view.places import Document
from mirrorfs.view.planner import Wanted


def text(document: Document, picture: Picture, wanted: Wanted) -> Iterator[str]:
    """What a document says, piece by piece."""
    match document:
        case Document.JSON:
            return as_json(picture.why, picture.plan, picture.refusal)
        case Document.TEXT:
            return as_text(picture.why, picture.plan, picture.refusal)
        case Document.SUMMARY:
            return _summary(picture, wanted)
        case Document.STATUS:
            return _status(wanted)


def write(pieces: Iterator[str]) -> int:
    """A descriptor of a file without a name that holds the text. Raises OSError."""
    with tempfile.TemporaryFile("w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(pieces)
        file.flush()
        return os.dup(file.fileno())


def _summary(picture: Picture, wanted: Wanted) -> Iterator[str]:
    when = datetime.fromtimestamp(picture.made_ns / 1e9, UTC).astimezone()
    yield f"source:       {printable(absolute(wanted.source))}\n"
    yield f"destination:  {printable(absolute(wanted.destination))}\n"
    yield f"planned:      {when:%Y-%m-%d %H:%M:%S}, {printable(picture.why)}\n"
    yield f"to do:        {amount(picture.plan.totals())}\n"
    if picture.plan.failures:
        yield f"unreadable:   {len(picture.plan.failures)} paths; see plan.txt\n"
    yield from _held(picture, wanted)


def _held(picture: Picture, wanted: Wanted) -> Iterator[str]:
    try:
        held = HoldFile(wanted.directory).load()
    except MirrorError as error:
        yield f"held:         {printable(str(error))}\n"
        return
    if held is not None and not held.discarded:
        destination = absolute(wanted.destination)
        yield f"held:         {printable(held.message)} (plan {held.id})\n"
        yield f"to approve:   {approve_command(destination, held.id, wanted.state.home)}\n"
    elif picture.refusal is not None:
        yield f"held:         a sync would hold this: {printable(picture.refusal.message)}\n"
    else:
        yield "held:         no\n"


def _status(wanted: Wanted) -> Iterator[str]:
    said = status.load(wanted.directory)
    if said is None:
        said = {"phase": "never run", "alive": False, "updated_ns": time.time_ns()}
    yield carry.dumps(said, indent=1) + "\n"
