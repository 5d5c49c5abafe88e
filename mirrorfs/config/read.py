"""The text of a file becomes a configuration, or a list of what is wrong with it.

Law: pure. Everything that is wrong is found in one look; each problem names its line where that is
known, its key, and what to do about it.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mirrorfs.config.keys import Key, ValueWrong, is_shared, spoken, texts
from mirrorfs.config.lines import TOP, line
from mirrorfs.config.place import PlaceRefused, place
from mirrorfs.core.record import record

SOURCE, DESTINATION, PATH = "source", "destination", "path"


class Problem(NamedTuple):
    """``line`` counts from 1; 0 where it is not known. ``key`` may be ""."""

    file: str
    line: int
    key: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.what}" if self.key else f"{where}: {self.what}"


class Setting(NamedTuple):
    """A key that is set: how the command line would say it, and on which line it stands."""

    texts: tuple[str, ...]
    line: int


@record
class Target:
    """A destination, and its options: the common ones, but for those it sets itself."""

    destination: str
    settings: Mapping[str, Setting]

    def layer(self) -> dict[str, list[str]]:
        """What `mirrorfs.cli.parse` takes as the configuration."""
        return {name: list(setting.texts) for name, setting in self.settings.items()}


@record
class Configuration:
    """A mirror: one source, one destination or more."""

    name: str
    file: str
    source: str
    targets: tuple[Target, ...]


def read(
    name: str,
    file: str,
    content: bytes,
    keys: Mapping[str, Key],
    *,
    home: str,
    refused: Mapping[str, str],
) -> Configuration | list[Problem]:
    """``home`` is what ``~/`` stands for; ``refused`` says why rclone's other options are not
    taken."""
    return _Reader(name, file, keys, home, refused).read(content)


class _Reader:
    def __init__(
        self,
        name: str,
        file: str,
        keys: Mapping[str, Key],
        home: str,
        refused: Mapping[str, str],
    ) -> None:
        self._name, self._file, self._home = name, file, home
        self._keys = keys
        self._refused = refused
        self._text = ""
        self._problems: list[Problem] = []

    def read(self, content: bytes) -> Configuration | list[Problem]:
        table = self._table(content)
        if table is None:
            return self._problems
        source = self._place(table.pop(SOURCE, None), SOURCE, TOP)
        destinations = table.pop(DESTINATION, None)
        common = self._settings(table, TOP)
        targets = self._targets(destinations, common)
        if self._problems:
            return sorted(self._problems, key=lambda problem: problem.line)
        return Configuration(self._name, self._file, source, tuple(targets))

    def _table(self, content: bytes) -> dict[str, Any] | None:
        import tomllib

        try:
            self._text = content.decode("utf-8").removeprefix("\ufeff")
            return tomllib.loads(self._text)
        except UnicodeDecodeError as error:
            number = content[: error.start].count(b"\n") + 1
            self._say(
                number,
                "",
                f"byte {content[error.start]:#04x} is not UTF-8",
                "write the path as file:///… with %XX for each such byte, and patterns into a file "
                "that exclude-from names",
            )
        except tomllib.TOMLDecodeError as error:
            found = re.match(r"(.*) \(at line (\d+), column (\d+)\)$", str(error), re.DOTALL)
            what, number = (found[1], int(found[2])) if found else (str(error), 0)
            self._say(number, "", f"this is not TOML: {what}", _SYNTAX)
        except RecursionError:
            self._say(0, "", "this is not TOML: too deeply nested", _SYNTAX)
        return None

    def _targets(self, value: object, common: dict[str, Setting]) -> list[Target]:
        if not isinstance(value, list):
            return [Target(self._place(value, DESTINATION, TOP), common)]
        if not value:
            self._wrong(DESTINATION, TOP, "no destination is named", _EACH)
        targets: list[Target] = []
        for number, table in enumerate(value):
            if not isinstance(table, dict):
                self._wrong(DESTINATION, TOP, f"{spoken(table)} is not a table", _EACH)
                continue
            own = dict(table)
            path = self._place(own.pop(PATH, None), PATH, number)
            if path and path in {target.destination for target in targets}:
                self._wrong(PATH, number, f"{path} is named twice", "leave one out")
            targets.append(Target(path, common | self._settings(own, number)))
        return targets

    def _place(self, value: object, key: str, table: int) -> str:
        if value is None:
            what = f"{key} is missing"
            self._say(line(self._text, "", table), "", what, f'add {key} = "/…"')
            return ""
        if not isinstance(value, str) or not value:
            what = "it is empty" if value == "" else f"{spoken(value)} is not text"
            self._wrong(key, table, what, f'write {key} = "/…"')
            return ""
        try:
            return place(value, self._home)
        except PlaceRefused as refused:
            self._wrong(key, table, str(refused), refused.remedy)
            return ""

    def _settings(self, table: dict[str, Any], number: int) -> dict[str, Setting]:
        settings: dict[str, Setting] = {}
        for name, value in table.items():
            key = self._keys.get(name)
            if key is None:
                self._unknown(name, number)
            elif number != TOP and is_shared(key):
                self._wrong(name, number, "it is the same for all destinations", _ABOVE)
            else:
                try:
                    given = texts(key, value, self._home)
                except ValueWrong as wrong:
                    self._wrong(name, number, str(wrong), wrong.remedy)
                else:
                    settings[name] = Setting(given, line(self._text, name, number))
        return settings

    def _unknown(self, name: str, number: int) -> None:
        bare = name.lstrip("-").replace("_", "-").lower()
        own = [SOURCE, DESTINATION] if number == TOP else [PATH]
        if bare in self._refused:
            self._wrong(name, number, f"it is refused: {self._refused[bare]}", "leave it out")
            return
        if name in (SOURCE, DESTINATION, PATH):
            what = "it does not belong here"
            self._wrong(name, number, what, _ABOVE if number != TOP else _EACH)
            return
        import difflib

        near = difflib.get_close_matches(bare, [*own, *self._keys], 1)
        remedy = f"did you mean {near[0]}?" if near else "docs/flags.md lists all keys"
        self._wrong(name, number, "there is no such key", remedy)

    def _wrong(self, key: str, table: int, what: str, remedy: str) -> None:
        number = line(self._text, key, table)
        if not number and table != TOP:
            number = line(self._text, "", table)
        self._say(number, key, what, remedy)

    def _say(self, number: int, key: str, what: str, remedy: str) -> None:
        self._problems.append(Problem(self._file, number, key, what, remedy))


_SYNTAX = 'text stands in quotes, lists in brackets: exclude = ["*.tmp", "cache/**"]'
_EACH = 'write one [[destination]] with path = "/…" for each'
_ABOVE = "write it above the first [[destination]]"
