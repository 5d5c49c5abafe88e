"""Ask a few questions and write the file of a mirror: what is mirrored, where to, what is left out.

What is given as a flag is not asked; all other flags go into the file. Without a terminal, or with
--yes, --source and --destination must be given. A file that is there is replaced only when somebody
at a terminal says so. A destination on a drive of its own can be written as UUID=…:/folder: then it
is found wherever that drive is mounted.
"""

import os
import re
import sys

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.flags import KEYS, REFUSED
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.judging import doubts
from mirrorfs.cli.naming import directory
from mirrorfs.cli.voice import print_out
from mirrorfs.config import Configuration, Directory, Problem
from mirrorfs.config.compose import Answers, Text, compose
from mirrorfs.config.directory import is_name
from mirrorfs.config.keys import PATHS, STDIN_OR_STDOUT
from mirrorfs.config.presets import BY_NAME, PRESETS, Preset
from mirrorfs.config.read import read
from mirrorfs.config.store import store
from mirrorfs.drives import offered, parse
from mirrorfs.errors import ExitCode, MirrorError, UsageError
from mirrorfs.mirror.overlap import overlap
from mirrorfs.output.escape import printable
from mirrorfs.state import State


def run(call: Call) -> int:
    place = directory(call.flags.state.config_dir)
    asks = sys.stdin.isatty() and not call.flags.making.yes
    answers = _answers(call, asks=asks)
    name = _name(call, place, answers.source, asks=asks)
    file = place.file(name)
    try:
        text = compose(name, answers, KEYS)
    except Text as error:
        raise UsageError(
            f"{error}: it cannot stand in a TOML file", remedy="put patterns in an --exclude-from"
        ) from None
    if wrong := _doubts(_proven(name, file, text, answers)):
        if not asks:
            raise UsageError(f"--{wrong.key}: {wrong.what}", remedy=wrong.remedy)
        print_out("this would be refused; say no, and begin again with other folders\n")
    over = False
    if os.path.lexists(file):
        if not asks:
            raise UsageError(
                f"{file} is there already", remedy="take another name, or remove it first"
            )
        over = _agrees(f"{printable(file)} is there already. Replace it?", usual=False)
        if not over:
            print_out("nothing was written\n")
            return ExitCode.UNCATEGORISED
    elif asks:
        print_out(f"\n{text}\n")
        if not _agrees(f"Write this to {printable(file)}?", usual=True):
            print_out("nothing was written\n")
            return ExitCode.UNCATEGORISED
    store(file, text, over=over)
    print_out(_next(name, file))
    return ExitCode.OK


def _next(name: str, file: str) -> str:
    lines = [
        f"written: {printable(file)}",
        "next:",
        f"  mirrorfs config check {name}    what could be wrong with it",
        f"  mirrorfs plan {name}            what would be done, and why; nothing is",
        f"  mirrorfs run {name}             mirror until Ctrl-C",
    ]
    if "service" in COMMANDS:
        whose = " --user" * (os.geteuid() != 0)
        lines.append(f"  mirrorfs service enable {name}{whose}  mirror from now on, at each start")
    return "\n".join(lines) + "\n"


def _answers(call: Call, *, asks: bool) -> Answers:
    """Raises UsageError for what is missing and cannot be asked."""
    making = call.flags.making
    source = making.source or (_asked_source() if asks else "")
    destinations = list(making.destination) or (_asked_destinations() if asks else [])
    for name, given in (("source", source), ("destination", destinations)):
        if not given:
            raise UsageError(f"--{name} is missing", remedy=f"give --{name} DIR")
    options = {
        name: [_from_here(name, text) for text in texts]
        for name, texts in call.typed.items()
        if name in KEYS
    }
    if "archive" in options:
        archive = call.flags.copying.archive
    else:
        question = (
            "Keep everything (owners, modes, links, attributes), not contents and times only?"
        )
        archive = _agrees(question, usual=True) if asks else True
    presets = making.preset
    chosen = _presets(presets) if presets or not asks else _asked_presets()
    places = [_whole(place) for place in destinations]
    besides = _own_state(call, whole := _whole(source))
    return Answers(whole, places, archive, chosen, options, besides)


def _whole(place: str) -> str:
    if parse(place) is not None:
        return place
    return os.path.abspath(os.path.expanduser(place))


def _from_here(name: str, text: str) -> str:
    """On the command line a path may be relative."""
    is_path = KEYS[name].value in PATHS and text not in ("", STDIN_OR_STDOUT)
    return _whole(text) if is_path else text


def _own_state(call: Call, source: str) -> list[tuple[str, str]]:
    """What mirrorfs writes below the source is no part of it."""
    if parse(source) is not None:
        return []
    found = overlap(State.find(call.flags.state.state_dir).home, source)
    if found is None or found.destination_in_source or not found.inner:
        return []
    inner = re.sub(r"([\\*?\[\]{}])", r"\\\1", found.inner)
    return [(f"/{inner}/**", "what mirrorfs remembers: it would change all the time")]


def _doubts(found: Configuration) -> Problem | None:
    """Say what looks wrong; the first thing that is."""
    first = None
    for problem, matters in doubts(found):
        word = "wrong" if matters else "warning"
        remedy = f" ({problem.remedy})" if problem.remedy else ""
        print_out(f"{word}: {printable(f'{problem.key}: {problem.what}{remedy}')}\n")
        first = first or (problem if matters else None)
    return first


def _proven(name: str, file: str, text: str, answers: Answers) -> Configuration:
    """What is written must read back as what was answered. Raises UsageError."""
    home = os.path.expanduser("~")
    found = read(name, file, text.encode(), KEYS, home=home, refused=REFUSED)
    if not isinstance(found, Configuration):
        first = found[0]
        raise UsageError(f"--{first.key}: {first.what}", remedy=first.remedy)
    back = (found.source, [target.destination for target in found.targets])
    assert back == (answers.source, list(answers.destinations)), back
    return found


def _name(call: Call, place: Directory, source: str, *, asks: bool) -> str:
    """Raises UsageError."""
    if call.places:
        name = call.places[0]
    else:
        usual = re.sub(r"[^\w.@+-]", "-", os.path.basename(source)).lstrip("-.@+") or "mirror"
        name = _ask("What shall the mirror be called?", usual) if asks else usual
    if not is_name(name):
        raise UsageError(
            f"{name!r} is no name of a mirror",
            remedy="letters, digits, and _ . @ + - behind the first one",
        )
    return name


def _presets(names: tuple[str, ...]) -> list[Preset]:
    """Raises UsageError."""
    chosen = [name for name in names if name != "none"]
    for name in chosen:
        if name not in BY_NAME:
            raise UsageError(
                f"there is no preset {name!r}", remedy=f"one of {', '.join(BY_NAME)}, none"
            )
    return [preset for preset in PRESETS if preset.name in chosen]


# ---- questions ----------------------------------------------------------------------------------


def _asked_source() -> str:
    while True:
        place = _ask("What is to be mirrored (a folder)?", "")
        if _is_drive(place) or os.path.isdir(os.path.expanduser(place)):
            return place
        print_out(f"  {printable(place)} is no folder\n" if place else "  a folder is needed\n")


def _is_drive(place: str) -> bool:
    try:
        return parse(place) is not None
    except UsageError:
        return False


def _asked_destinations() -> list[str]:
    places: list[str] = []
    while True:
        question = "Where to (a folder, on another drive best)?"
        place = _ask("And to (Enter: no other place)?" if places else question, "")
        if place:
            places.append(_by_drive(_whole(place)))
        elif places:
            return places
        else:
            print_out("  a folder is needed\n")


def _asked_presets() -> list[Preset]:
    print_out("What is left out?\n")
    for number, preset in enumerate(PRESETS, 1):
        print_out(f"  {number} {preset.name:<10} {preset.title}\n")
    usual = " ".join(preset.name for preset in PRESETS if preset.usual)
    while True:
        words = _ask("Names or numbers, none for nothing:", usual).replace(",", " ").split()
        numbered = {str(number): preset.name for number, preset in enumerate(PRESETS, 1)}
        try:
            return _presets(tuple(numbered.get(word, word) for word in words))
        except UsageError as error:
            print_out(f"  {printable(str(error))} ({error.remedy})\n")


def _by_drive(place: str) -> str:
    """The place by its drive, where it has one that may be mounted elsewhere another time."""
    if parse(place) is not None or not (named := offered(place)):
        return place
    print_out(f"  {printable(place)} is on a drive of its own.\n")
    question = f"Find it as {printable(named)}, wherever that drive is mounted?"
    return named if _agrees(question, usual=True) else place


def _agrees(question: str, *, usual: bool) -> bool:
    while True:
        answer = _ask(f"{question} [{'Y/n' if usual else 'y/N'}]", "").lower()
        if answer in ("", "y", "yes", "n", "no"):
            return usual if not answer else answer.startswith("y")


def _ask(question: str, usual: str) -> str:
    """Raises MirrorError when nobody answers."""
    print_out(question + (f" [{printable(usual)}]" if usual else "") + " ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise MirrorError("nobody answers", remedy="give --source, --destination and --yes")
    return line.strip() or usual
