"""Look at the files of mirrors: `check` judges, `show` says what is in force, `list` names them.

`config check [NAME...]` looks at all files, or at some: everything that is wrong is named with its
line, and what looks wrong on this machine (a source that is not there, trees that overlap) is a
warning. Ends with 2 when a file is wrong. `config show NAME` prints each option that is set, and
where: the environment beats the file. The files lie in --config-dir, else in /etc/mirrorfs for root
and in ~/.config/mirrorfs for everybody else.
"""

import os
from collections.abc import Iterator
from typing import Any

from mirrorfs.cli.flags import ALL, KEYS
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.naming import directory
from mirrorfs.cli.voice import print_out
from mirrorfs.config import Configuration, Directory, Problem, Target
from mirrorfs.core import carry
from mirrorfs.errors import ExitCode, UsageError
from mirrorfs.output.escape import printable


def run(call: Call) -> int:
    verb, *names = call.places
    place = directory(call.flags.state.config_dir)
    match verb, names:
        case "list", []:
            return _list(place, as_json=call.flags.logging.json)
        case "check", _:
            return _check(place, names or place.names(), as_json=call.flags.logging.json)
        case "show", [name]:
            return _show(place.load(name), as_json=call.flags.logging.json)
        case _:
            raise UsageError(
                f"config does not know {' '.join([verb, *names])!r}",
                remedy="use `config check [NAME...]`, `config show NAME` or `config list`",
            )


def _list(place: Directory, *, as_json: bool) -> int:
    said = []
    for name in place.names():
        found = place.judge(name)
        record: dict[str, Any] = {"name": name, "file": place.file(name)}
        if isinstance(found, Configuration):
            record["source"] = found.source
            record["destinations"] = [target.destination for target in found.targets]
        else:
            record["problem"] = str(found[0])
        said.append(record)
    if as_json:
        print_out(carry.dumps(said) + "\n")
        return ExitCode.OK
    for record in said:
        what = record.get("problem") or " → ".join(
            [record["source"], ", ".join(record["destinations"])]
        )
        print_out(f"{record['name']}  {printable(what)}\n")
    if not said:
        print_out(f"no mirrors in {printable(place.path)}: `mirrorfs init` makes the first\n")
    return ExitCode.OK


def _check(place: Directory, names: list[str], *, as_json: bool) -> int:
    from mirrorfs.cli.judging import doubts

    wrong: list[Problem] = []
    doubted: list[Problem] = []
    for name in names:
        found = place.judge(name)
        if isinstance(found, Configuration):
            for problem, matters in doubts(found):
                (wrong if matters else doubted).append(problem)
        else:
            wrong += found
    if as_json:
        said = {"problems": _records(wrong), "warnings": _records(doubted), "checked": names}
        print_out(carry.dumps(said) + "\n")
    else:
        for word, problems in (("wrong", wrong), ("warning", doubted)):
            for problem in problems:
                remedy = f" ({problem.remedy})" if problem.remedy else ""
                print_out(f"{word}: {printable(f'{problem}{remedy}')}\n")
        many = f"{len(names)} file{'s' * (len(names) != 1)}"
        if not wrong:
            print_out(f"{many} in {printable(place.path)}: nothing is wrong\n")
    return ExitCode.USAGE if wrong else ExitCode.OK


def _records(problems: list[Problem]) -> list[dict[str, Any]]:
    return [problem._asdict() for problem in problems]


def _show(found: Configuration, *, as_json: bool) -> int:
    each = [list(_effective(found, target)) for target in found.targets]
    if as_json:
        said = {
            "name": found.name,
            "file": found.file,
            "source": found.source,
            "destinations": [
                {"path": target.destination, "options": options}
                for target, options in zip(found.targets, each, strict=True)
            ],
        }
        print_out(carry.dumps(said) + "\n")
        return ExitCode.OK
    print_out(f"source = {printable(found.source)}\n")
    for target, options in zip(found.targets, each, strict=True):
        print_out(f"destination = {printable(target.destination)}\n")
        rows = [(f"  {row['key']} = {', '.join(row['values'])}", row["from"]) for row in options]
        width = min(60, max((len(text) for text, _ in rows), default=0))
        for text, origin in rows:
            print_out(f"{printable(text):<{width}}  # {printable(origin)}\n")
    return ExitCode.OK


def _effective(found: Configuration, target: Target) -> Iterator[dict[str, Any]]:
    """What is set for a destination, in the order of the documentation."""
    for name, flag in ALL.items():
        if name not in KEYS:
            continue
        if (text := os.environ.get(flag.variable)) is not None:
            yield {"key": name, "values": [text], "from": f"${flag.variable}"}
        elif (setting := target.settings.get(name)) is not None:
            where = f"{found.file}:{setting.line}" if setting.line else found.file
            yield {"key": name, "values": list(setting.texts), "from": where}
