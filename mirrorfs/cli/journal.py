"""Look at the journal of SRC: `show` its records, `verify` every byte of it, or print its `path`.

`verify` ends with 1 when something in the journal cannot be trusted. Nothing is ever lost by that:
what a journal cannot vouch for is compared.
"""

import os
from collections.abc import Iterator

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out
from mirrorfs.core import carry
from mirrorfs.core.change import Change, ChangeRefused, decode
from mirrorfs.errors import DirectoryMissing, ExitCode, UsageError
from mirrorfs.output.escape import printable
from mirrorfs.state import State


def run(call: Call) -> int:
    verb, source = call.places
    directory = State.find(call.flags.state.state_dir).journal(source)
    match verb:
        case "path":
            print_out(f"{directory}\n")
            return ExitCode.OK
        case "show":
            return _show(_existing(directory, source), as_json=call.flags.logging.json)
        case "verify":
            return _verify(_existing(directory, source), as_json=call.flags.logging.json)
        case _:
            pass
    raise UsageError(f"journal does not know {verb!r}", remedy="use show, verify or path")


def _existing(directory: str, source: str) -> str:
    if not os.path.isdir(directory):
        raise DirectoryMissing(
            f"no journal is kept for {source}",
            remedy="start `mirrorfs watch` or `mirrorfs run` on it",
        )
    return directory


def _show(directory: str, *, as_json: bool) -> int:
    for sequence, change in _records(directory):
        name = type(change).__name__.lower()
        fields = dict(change._asdict())
        if as_json:
            print_out(carry.dumps({"sequence": sequence, "change": name, **fields}) + "\n")
        else:
            said = " ".join(printable(_said(value)) for value in fields.values())
            print_out(f"{sequence:>10}  {name:<8} {said}\n")
    return ExitCode.OK


def _said(value: object) -> str:
    """A value on a line; an identity in one word."""
    return ":".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _records(directory: str) -> Iterator[tuple[int, Change]]:
    """Every record that stands for a change, with its number; corruption ends it with an error."""
    from journal import JournalError, Reader
    from mirrorfs.errors import StateError

    try:
        for batch in Reader(directory).read():
            first = batch.position.sequence - len(batch.records) + 1
            for sequence, record in enumerate(batch.records, first):
                if (change := decode(record)) is not None:
                    yield sequence, change
    except (JournalError, ChangeRefused) as error:
        raise StateError(
            str(error), remedy="nothing is lost: the next sync compares everything"
        ) from error


def _verify(directory: str, *, as_json: bool) -> int:
    from journal import JournalError, verify
    from mirrorfs.errors import StateError

    try:
        report = verify(directory)
    except JournalError as error:
        raise StateError(
            str(error), remedy="make the state directory yours alone, or remove this journal"
        ) from error
    if as_json:
        said = {**report._asdict(), "sound": report.sound}
        for name in ("first", "last"):
            said[name] = said[name] and said[name]._asdict()
        print_out(carry.dumps(said) + "\n")
    else:
        print_out(
            f"{report.segments} segments, {report.frames} frames, {report.records} records, "
            f"{report.size} bytes; it ends {report.end}\n"
        )
        for problem in report.problems:
            print_out(f"problem: {problem}\n")
    return ExitCode.OK if report.sound else ExitCode.UNCATEGORISED
