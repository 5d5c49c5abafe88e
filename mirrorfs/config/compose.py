"""A commented file from answers.

Law: pure; what is written reads back as what was answered (`mirrorfs.config.read`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mirrorfs.config.keys import Key
from mirrorfs.config.place import written
from mirrorfs.config.presets import Preset

HEAD = """\
# The mirror {name}: `mirrorfs run {name}` keeps it, `mirrorfs plan {name}` shows what it would do.
# Every option of the command line may stand here under its long name (docs/configuration.md).
# A mirror that runs takes up a change of it at once; `mirrorfs config check {name}` judges it.
"""

TAIL = """\

# More that is often wanted; take the # away:
# delete-excluded = true       # remove from the destination what is left out here
# backup-dir = "/…"            # keep what is replaced or removed (on the destination's file system)
# max-delete = 1000            # rather stop than remove more at once
# bwlimit = "20M"              # bytes per second
"""


class Text(Exception):
    """A text that cannot stand in a TOML file."""


class Answers(NamedTuple):
    """``options``: texts by key, as the command line would have them. ``besides``: patterns that
    are left out as well, each with its reason."""

    source: str
    destinations: Sequence[str]
    archive: bool
    presets: Sequence[Preset]
    options: Mapping[str, Sequence[str]] = {}
    besides: Sequence[tuple[str, str]] = ()


def compose(name: str, answers: Answers, keys: Mapping[str, Key]) -> str:
    """The text of a file. Raises Text."""
    parts = [HEAD.format(name=name), "\n"]
    parts.append(f"source = {quoted(written(answers.source))}\n")
    if len(answers.destinations) == 1:
        parts.append(f"destination = {quoted(written(answers.destinations[0]))}\n")
    parts.append(_kept(answers.archive))
    parts += _left_out(answers)
    shown = [
        f"{option} = {value(keys[option], texts)}\n"
        for option, texts in answers.options.items()
        if option not in ("archive", "exclude", "exclude-if-present")
    ]
    parts += ["\n", *shown] if shown else []
    parts.append(TAIL)
    if len(answers.destinations) > 1:
        parts.append("\n# Each destination may have options of its own, which take the place of\n")
        parts.append("# those above.\n")
        for place in answers.destinations:
            parts.append(f"[[destination]]\npath = {quoted(written(place))}\n")
    return "".join(parts)


def value(key: Key, texts: Sequence[str]) -> str:
    """How a key's value stands in a file."""
    if key.repeats:
        return "[" + ", ".join(quoted(_path(key, text)) for text in texts) + "]"
    text = texts[-1]
    if key.bare and not key.counts and text.lower() in ("true", "false"):
        return text.lower()
    if (key.counts or key.value == "N") and text.lstrip("-").isdecimal():
        return str(int(text))
    return quoted(_path(key, text))


def quoted(text: str) -> str:
    """A TOML string. Raises Text."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Text(f"{text!r} is not UTF-8")
    # JSON's escapes are TOML's; only DEL is free there.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _path(key: Key, text: str) -> str:
    return written(text) if key.value in ("DIR", "FILE") else text


def _kept(archive: bool) -> str:
    if archive:
        what = "Keep everything: owners, modes, times, links, extended attributes, hard links"
    else:
        what = "Keep contents and times only, as rclone does"
    return f"\n# {what}.\narchive = {str(archive).lower()}\n"


def _left_out(answers: Answers) -> Iterable[str]:
    exclude = [pair for preset in answers.presets for pair in preset.exclude]
    exclude += answers.besides
    exclude += [(pattern, "") for pattern in answers.options.get("exclude", ())]
    tagged = {pair for preset in answers.presets for pair in preset.tagged}
    names = dict(sorted(tagged))
    names |= dict.fromkeys(answers.options.get("exclude-if-present", ()), "")
    if exclude or names:
        yield "\n# Left out. What the destination has of it already stays there.\n"
    if exclude:
        yield from _list("exclude", exclude)
    if names:
        yield from _list("exclude-if-present", names.items())


def _list(key: str, pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
    rows = [(quoted(text) + ",", why) for text, why in pairs]
    width = max(len(text) for text, _ in rows)
    yield f"{key} = [\n"
    for text, why in rows:
        yield f"    {text:<{width}}  # {why}\n" if why else f"    {text}\n"
    yield "]\n"
