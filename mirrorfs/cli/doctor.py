"""Say how well changes in SRC can be noticed, and what would help.

Nothing needs to be running. Each mount in SRC is tried: what would notice changes there (fanotify,
inotify, polling), and why nothing better; directories are counted against the limit of watches,
and what cannot be read is named. When a mirror of SRC is running, what it says of itself is shown,
too. Ends with 0 when all is well, with 1 when there is something to do.
"""

import json
from typing import Any

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.settings import noticing
from mirrorfs.cli.voice import print_out
from mirrorfs.drives import located, name
from mirrorfs.errors import DirectoryMissing, ExitCode
from mirrorfs.mirror.preflight import require_source
from mirrorfs.output.escape import printable
from mirrorfs.state import State
from mirrorfs.status.status import load


def run(call: Call) -> int:
    from mirrorfs.status.coverage import shown
    from mirrorfs.status.doctor import examine

    (source,) = call.places
    made = read_settings(call)
    path = located(source)
    require_source(path)
    try:
        diagnosis = examine(
            path,
            lambda path: not made.filter.descends(path),
            one_file_system=made.options.one_file_system,
            noticing=noticing(call.flags),
        )
    except OSError as error:
        raise DirectoryMissing(f"{source} cannot be listed: {error.strerror}") from error
    alive = _alive(State.find(call.flags.state.state_dir), source)
    blind = [mirror for mirror in alive if mirror["coverage"].get("blind")]
    if call.flags.logging.json:
        said = diagnosis._asdict()
        said["findings"] = [finding._asdict() for finding in diagnosis.findings]
        said["hints"] = [hint._asdict() for hint in diagnosis.hints]
        said["running"] = [
            {name: mirror[name] for name in ("destination", "pid", "coverage")} for mirror in alive
        ]
        print_out(json.dumps(said) + "\n")
    else:
        print_out(f"{printable(source)}: {diagnosis.directories:,} directories\n")
        for line in shown({**diagnosis.covered, "help": []}):
            print_out(f"  {printable(line)}\n")
        for mirror in alive:
            print_out(f"  mirrored to {printable(mirror['destination'])} by {mirror['pid']}:\n")
            for line in shown(mirror["coverage"]):
                print_out(f"    {printable(line)}\n")
        for word, findings in (("found", diagnosis.findings), ("hint", diagnosis.hints)):
            for what, remedy in findings:
                print_out(f"  {word}: {printable(what)}\n")
                if remedy:
                    print_out(f"    {printable(remedy)}\n")
        if not diagnosis.findings and not blind:
            print_out("  all is well\n")
    return ExitCode.UNCATEGORISED if diagnosis.findings or blind else ExitCode.OK


def _alive(state: State, source: str) -> list[dict[str, Any]]:
    """What the running mirrors of a source say."""
    real = name(source)
    return [
        said
        for directory in state.mirrors()
        if (said := load(directory)) is not None and said["alive"] and name(said["source"]) == real
    ]
