"""What stands in a file is what the command line would say; what is wrong is named exactly."""

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.flags import ALL, KEYS, REFUSED, Flag, of_command
from mirrorfs.cli.parse import parse
from mirrorfs.config import Configuration, Problem
from mirrorfs.config.compose import Answers, compose, quoted, value
from mirrorfs.config.keys import is_shared
from mirrorfs.config.place import place, written
from mirrorfs.config.presets import PRESETS
from mirrorfs.config.read import read
from mirrorfs.core.filter import Filter, FilterOptions, Source

HOME = "/home/me"
SAMPLES: dict[str, list[Any]] = {
    "TEXT": ["x"], "N": [7, "7"], "SIZE": ["3M", 512, 1.5], "DURATION": ["5s", 90],
    "AGE": ["2d", "2026-01-01"], "RATES": ["1M", 300], "FILE": ["/f", "~/f", "-", ""],
    "DIR": ["/d", "~/d", ""], "ORDER": ["size,desc"], "LIST": ["modtime"], "RULE": [["- x"], "+ y"],
    "PATTERN": [["*.o", "a b"], "*.o", []], "NAME": [["n"]], "K/N": ["1/2"], "MODE": ["skip"],
    "UNIT": ["bits"], "FORMAT": ["2006"], "LETTERS": ["ps"], "WHAT": ["filters"],
    "SIZE|PERCENT": ["2%", "1G", 4096],
}  # fmt: skip


def taken(text: str, name: str = "docs") -> Configuration | list[Problem]:
    return read(name, "F", text.encode(), KEYS, home=HOME, refused=REFUSED)


def good(text: str) -> Configuration:
    found = taken(f'source = "/s"\ndestination = "/d"\n{text}')
    assert isinstance(found, Configuration), [str(problem) for problem in found]
    return found


def command(flag: Flag) -> str:
    return "sync" if "sync" in flag.commands else sorted(flag.commands - {"init"})[0]


def values(flags: Any) -> dict[str, object]:
    return {name: getattr(group, name) for group in flags[:-1] for name in type(group).declarations}


def samples(flag: Flag) -> list[Any]:
    if flag.counts:
        return [3, True]
    if flag.bare:
        return [True, False] + ["90s", 90] * bool(flag.value)
    if flag.choices:
        return [flag.choices[-1].lower()]
    found = [one for one in SAMPLES[flag.value] if flag.repeats or not isinstance(one, list)]
    return [one for one in found if one != "-" or flag.group != "Filter"] or ["x"]


@pytest.mark.parametrize("flag", KEYS.values(), ids=lambda flag: flag.name)
def test_every_option_is_a_key(flag: Flag) -> None:
    for sample in samples(flag):
        layer = good(f"{flag.name} = {json.dumps(sample)}").targets[0].layer()
        texts = [sample] if not isinstance(sample, list) else sample
        said = [str(text).lower() if isinstance(text, bool) else str(text) for text in texts]
        said = [text.replace("~", HOME) if text[:1] == "~" else text for text in said]
        said = ["1"] if flag.counts and sample is True else said
        by_line = parse(command(flag), [f"--{flag.name}={text}" for text in said], {})
        by_file = parse(command(flag), [], {}, layer)
        assert values(by_file.flags) == values(by_line.flags)
        assert by_file.words == by_line.words


def test_what_is_no_key_is_about_one_call() -> None:
    no_keys = set(ALL) - set(KEYS)
    assert {"help", "version", "config-dir", "source", "destination", "preset", "yes"} <= no_keys
    assert not any(ALL[name].commands & {"run", "sync"} for name in no_keys - {
        "help", "version", "config-dir"})  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_never_keeps_a_command_from_working(name: str) -> None:
    """Options that are not for a command are left alone."""
    layer = {flag.name: ["1M" if flag.value == "SIZE" else "true"] for flag in KEYS.values()
             if flag.bare and not flag.value and not flag.counts}  # fmt: skip
    parsed = parse(name, [], {}, layer)
    assert parsed.flags.given == set(layer) & set(of_command(name))


# ---- there and back -----------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
ODD = st.binary(min_size=1, max_size=12).filter(lambda raw: b"\0" not in raw and b"/" not in raw)
PATHS = ODD.map(lambda raw: "/" + raw.decode("utf-8", "surrogateescape"))
REPEATED = sorted(name for name, flag in KEYS.items() if flag.repeats and flag.value == "PATTERN")


@given(source=PATHS, destinations=st.lists(PATHS, min_size=1, max_size=3, unique=True),
       archive=st.booleans(), patterns=st.lists(TEXT, max_size=3), number=st.integers(-5, 5),
       chosen=st.sets(st.sampled_from(PRESETS)))  # fmt: skip
def test_what_is_written_reads_back(
    source: str,
    destinations: list[str],
    archive: bool,
    patterns: list[str],
    number: int,
    chosen: set[Any],
) -> None:
    options = {"exclude": patterns, "max-delete": [str(number)], "include": patterns[:1]}
    presets = [preset for preset in PRESETS if preset in chosen]
    text = compose("docs", Answers(source, destinations, archive, presets, options), KEYS)
    found = taken(text)
    assert isinstance(found, Configuration), (text, found)
    assert found.source == source
    assert [target.destination for target in found.targets] == destinations
    for target in found.targets:
        layer = target.layer()
        excluded = [pattern for preset in presets for pattern, _ in preset.exclude]
        assert layer.get("exclude", []) == [*excluded, *patterns]
        assert layer["archive"] == [str(archive).lower()]
        assert layer["max-delete"] == [str(number)]
        assert layer.get("include", []) == patterns[:1]


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_can_be_quoted(text: str) -> None:
    import tomllib

    assert tomllib.loads(f"key = {quoted(text)}") == {"key": text}


@given(st.data())
def test_options_of_the_line_written_to_a_file_mean_the_same(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, max_size=6))
    words = []
    for name in names:
        sample = data.draw(st.sampled_from(samples(KEYS[name])))
        for text in sample if isinstance(sample, list) else [sample]:
            said = str(text).lower() if isinstance(text, bool) else str(text)
            said = "1" if KEYS[name].counts and text is True else said
            words.append(f"--{name}={said.replace('~', HOME) if said[:1] == '~' else said}")
    typed = parse("init", words, {})
    lines = "\n".join(f"{name} = {value(KEYS[name], texts)}" for name, texts in typed.typed.items())
    layer = good(lines).targets[0].layer()
    assert values(parse("init", [], {}, layer).flags) == values(typed.flags)


@given(ODD)
def test_any_path_can_be_written(raw: bytes) -> None:
    path = "/" + raw.decode("utf-8", "surrogateescape")
    assert place(written(path), HOME) == path
    written(path).encode("utf-8")


def test_places() -> None:
    assert place("~/a b", HOME) == "/home/me/a b"
    assert place("~", HOME) == HOME
    assert place("file:///a%20b/%FF", HOME) == "/a b/\udcff"
    assert place("UUID=1234-ABCD:/x", HOME) == "UUID=1234-ABCD:/x"
    assert place("LABEL=my drive:/x", HOME) == "LABEL=my drive:/x"


def test_presets_say_why_and_are_filters() -> None:
    for preset in PRESETS:
        assert preset.exclude
        assert all(why for _, why in (*preset.exclude, *preset.tagged))
        sources = tuple(Source("--exclude", pattern) for pattern, _ in preset.exclude)
        Filter.build(FilterOptions(sources=sources))
    caches = good(compose("x", Answers("/s", ["/d"], True, PRESETS[:1]), KEYS).split("archive")[1]
                  .join(["archive", ""]))  # fmt: skip
    filter = _filter(caches)
    assert not filter.descends(".cache")
    assert not filter.descends("a/b/__pycache__")
    assert not filter.descends(".config/chromium/Default/Code Cache")
    assert filter.descends("Pictures/Cache")


def _filter(found: Configuration) -> Filter:
    excluded = found.targets[0].layer()["exclude"]
    return Filter.build(FilterOptions(sources=tuple(Source("--exclude", one) for one in excluded)))


# ---- destinations -------------------------------------------------------------------------------


def test_a_destination_overrides_what_is_common() -> None:
    found = taken(
        'source = "/s"\nexclude = ["*.tmp"]\nmax-delete = 1\n'
        '[[destination]]\npath = "/one"\n'
        '[[destination]]\npath = "UUID=12-34:/two"\nexclude = []\nmax-delete = 2\n'
    )
    assert isinstance(found, Configuration)
    one, two = found.targets
    assert one.layer() == {"exclude": ["*.tmp"], "max-delete": ["1"]}
    assert two.layer() == {"exclude": [], "max-delete": ["2"]}
    assert [two.settings[key].line for key in ("exclude", "max-delete")] == [8, 9]
    assert one.settings["exclude"].line == 2


@pytest.mark.parametrize("flag", [f for f in KEYS.values() if is_shared(f)], ids=lambda f: f.name)
def test_what_is_shared_is_not_set_for_one(flag: Flag) -> None:
    sample = json.dumps(samples(flag)[0])
    found = taken(f'source = "/s"\n[[destination]]\npath = "/d"\n{flag.name} = {sample}\n')
    assert isinstance(found, list)
    assert [(p.line, p.what) for p in found] == [(4, "it is the same for all destinations")]


# ---- what is wrong ------------------------------------------------------------------------------

BOTH = 'source = "/s"\ndestination = "/d"\n'
RELATIVE = "is a relative path, and what it means depends on where mirrorfs is started"
WRONG = [
    ("", "F: source is missing", 'add source = "/…"'),
    ('destination = "/d"', "F: source is missing", 'add source = "/…"'),
    ('source = "/s"', "F: destination is missing", 'add destination = "/…"'),
    ('source = ""\ndestination = "/d"', "F, line 1: source: it is empty", 'write source = "/…"'),
    ('source = 5\ndestination = "/d"', "F, line 1: source: the number 5 is not text", "source ="),
    ('source = "s"\ndestination = "/d"', f"F, line 1: source: 's' {RELATIVE}", "file:///"),
    ('source = "file://host/s"\ndestination = "/d"', "F, line 1: source: 'file://host/s' names no "
     "file here", "three slashes"),
    ('source = "/a\\u0000b"\ndestination = "/d"', "F, line 1: source: no path holds a NUL", ""),
    ('source = "/s"\ndestination = ["/d"]', "F, line 2: destination: the text '/d' is not a table",
     'write one [[destination]] with path = "/…" for each'),
    ('source = "/s"\ndestination = []', "F, line 2: destination: no destination is named",
     "[[destination]]"),
    ('source = "/s"\n[destination]\npath = "/d"', "F, line 2: destination: a table is not text",
     ""),
    ('source = "/s"\n[[destination]]\n', "F, line 2: path is missing", 'add path = "/…"'),
    ('source = "/s"\n[[destination]]\npath = "/d"\n[[destination]]\npath = "/d"',
     "F, line 5: path: /d is named twice", "leave one out"),
    ('source = "/s"\n[[destination]]\npath = "/d"\nsource = "/x"',
     "F, line 4: source: it does not belong here", "above the first [[destination]]"),
    (BOTH + 'path = "/x"', "F, line 3: path: it does not belong here", "[[destination]]"),
    (BOTH + 'exlude = ["a"]', "F, line 3: exlude: there is no such key", "did you mean exclude?"),
    (BOTH + "max_delete = 1", "F, line 3: max_delete: there is no such key",
     "did you mean max-delete?"),
    (BOTH + '"--archive" = true', "F, line 3: --archive: there is no such key",
     "did you mean archive?"),
    (BOTH + "zzzzzz = 1", "F, line 3: zzzzzz: there is no such key", "docs/flags.md"),
    (BOTH + "help = true", "F, line 3: help: there is no such key", ""),
    (BOTH + "fast-list = true", "F, line 3: fast-list: it is refused: a local directory is listed "
     "name by name; there is no faster list", "leave it out"),
    (BOTH + 'archive = "yes"', "F, line 3: archive: the text 'yes' is not true or false",
     "write archive = true"),
    (BOTH + "archive = 1", "F, line 3: archive: the number 1 is not true or false", ""),
    (BOTH + "exclude = 5", "F, line 3: exclude: the number 5 is not text, or a list of texts",
     'write exclude = ["…"]'),
    (BOTH + 'exclude = ["a", 5]', "F, line 3: exclude: a list is not text, or a list of texts", ""),
    (BOTH + "max-delete = true", "F, line 3: max-delete: true is not a whole number",
     "write max-delete = 10"),
    (BOTH + "max-delete = 1.5", "F, line 3: max-delete: the number 1.5 is not a whole number", ""),
    (BOTH + 'max-delete = "many"', "F, line 3: max-delete: 'many' is not accepted", ""),
    (BOTH + "max-age = 2026-01-01", "F, line 3: max-age: the date or time 2026-01-01 is not a "
     "number or text", 'write max-age = "…"'),
    (BOTH + 'max-size = "big"', "F, line 3: max-size: 'big' is not accepted", ""),
    (BOTH + 'fsync = "often"', "F, line 3: fsync: 'often' is not accepted; expected one of never, "
     "checkpoint, replace, always", ""),
    (BOTH + 'order-by = "colour"', "F, line 3: order-by: ", ""),
    (BOTH + 'backup-dir = "old"', f"F, line 3: backup-dir: 'old' {RELATIVE}", "write the whole"),
    (BOTH + 'exclude-from = ["/a", "-"]', "F, line 3: exclude-from: standard input can be read "
     "only once", "name a file"),
    (BOTH + "verbose = 1.5", "F, line 3: verbose: the number 1.5 is not a whole number", ""),
    (BOTH + "[filter]\nexclude = 1", "F, line 3: filter: a table is not text", ""),
    ("source = /s\n", "F, line 1: this is not TOML: Invalid value", "text stands in quotes"),
    (BOTH + 'exclude = ["a"\n', "F: this is not TOML: ", "lists in brackets"),
    (BOTH + 'source = "/x"\n', "F, line 3: this is not TOML: Cannot overwrite a value", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "remedy"), WRONG)
def test_what_is_wrong_is_named(text: str, message: str, remedy: str) -> None:
    found = taken(text)
    assert isinstance(found, list)
    if text:
        assert len(found) == 1, [str(problem) for problem in found]
    first = str(found[0])
    assert first.startswith(message) or (message in first and "not TOML" in message), first
    assert remedy in found[0].remedy
    assert "\n" not in first


def test_all_that_is_wrong_is_named_in_the_order_of_the_file() -> None:
    found = taken('sorce = "/s"\nexclude = 5\ndestination = "d"\n')
    assert isinstance(found, list)
    assert [problem.line for problem in found] == [0, 1, 2, 3]


def test_bytes_that_are_not_utf8() -> None:
    content = b'source = "/s"\ndestination = "/caf\xe9"\n'
    (problem,) = read("docs", "F", content, KEYS, home=HOME, refused=REFUSED)  # type: ignore[misc]
    assert str(problem) == "F, line 2: byte 0xe9 is not UTF-8"
    assert "file:///" in problem.remedy


def test_a_line_is_named_only_without_doubt() -> None:
    text = BOTH + 'suffix = """\nmax-delete = x"""\nmax-delete = "y"\n'
    (problem,) = taken(text)  # type: ignore[misc]
    assert (problem.line, problem.key) == (0, "max-delete")


@given(st.text(string.printable, max_size=60))
def test_no_text_brings_the_reader_down(text: str) -> None:
    taken(text)


@given(st.binary(max_size=60))
def test_no_bytes_bring_the_reader_down(content: bytes) -> None:
    read("docs", "F", content, KEYS, home=HOME, refused=REFUSED)


def test_the_examples_of_the_documentation_are_right() -> None:
    page = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    examples = page.split("```toml\n")[1:]
    assert len(examples) == 3
    for example in examples:
        found = taken(example.partition("```")[0])
        assert isinstance(found, Configuration), found
