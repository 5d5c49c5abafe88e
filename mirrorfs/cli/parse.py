"""A command line, in the grammar of rclone's flags (pflag): flags anywhere, short ones in clusters.

Law: the word after a flag that takes a value is that value, whatever it looks like
(`--filter "- *.o"`, `--suffix -old`); argparse refuses such words. The command line beats the
environment, the environment the configuration file.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mirrorfs.cli.flags import ALL, REFUSED, Flag, Flags, assemble, of_command
from mirrorfs.core.values import ValueRefused
from mirrorfs.errors import UsageError

PREFIX = "MIRRORFS_"
NO_FLAGS = frozenset({"native"})  # read where the compiled code is loaded


class Parsed(NamedTuple):
    """``places``: the words that are no flags. ``warnings``: what the user should hear. ``words``
    say the same as all layers together: parsed alone they give the same flags. ``typed``: the texts
    of the command line's own, by name."""

    flags: Flags
    places: list[str]
    warnings: list[str]
    words: tuple[str, ...]
    typed: dict[str, list[str]]


def parse(
    command: str,
    words: Iterable[str],
    environment: Mapping[str, str],
    configuration: Mapping[str, Any] | None = None,
) -> Parsed:
    """Read a command's flags. ``configuration``: values by flag name, as text or lists of text.

    Raises UsageError.
    """
    reader = _Reader(command)
    places = reader.words(words)
    values, typed = reader.values, dict(reader.texts)
    warnings = [] if values.get("help") else reader.environment(environment)
    reader.configuration(configuration or {})
    words = tuple(f"--{name}={text}" for name, texts in reader.texts.items() for text in texts)
    return Parsed(assemble(values), places, warnings, words, typed)


class _Reader:
    """Values by flag name, each set by the strongest layer that names it."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._flags = of_command(command)
        self._short = {flag.short[1:]: flag for flag in self._flags.values() if flag.short}
        self.values: dict[str, Any] = {}
        self.texts: dict[str, list[str]] = {}

    def words(self, words: Iterable[str]) -> list[str]:
        """Set what the command line sets; the words that are left."""
        places: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                places += rest
            elif word.startswith("--"):
                self._long(word[2:], rest)
            elif word.startswith("-") and word != "-":
                self._cluster(word[1:], rest)
            else:
                places.append(word)
        return places

    def environment(self, environment: Mapping[str, str]) -> list[str]:
        """Set what the command line did not; a variable that sets nothing is a warning."""
        warnings = []
        before = set(self.values)
        for variable, text in environment.items():
            if not variable.startswith(PREFIX):
                continue
            name = variable.removeprefix(PREFIX).lower().replace("_", "-")
            if name in before:
                continue
            if name in self._flags:
                self._layer(self._flags[name], text, f"${variable}")
            elif name in REFUSED:
                raise UsageError(f"${variable}: {_sentence(name)}", remedy="unset it")
            elif name not in ALL and name not in NO_FLAGS:
                warnings.append(f"{variable} sets no option of mirrorfs")
        return warnings

    def configuration(self, configuration: Mapping[str, Any]) -> None:
        """Set what the configuration file sets and nothing else did."""
        before = set(self.values)
        for name, given in configuration.items():
            if name not in before and name in self._flags:
                for text in given if isinstance(given, list) else [given]:
                    self._set(self._flags[name], str(text), name)

    def _layer(self, flag: Flag, text: str, origin: str) -> None:
        """One variable; lists are comma separated, with CSV's quotes (rclone: stringArray)."""
        if flag.repeats:
            import csv

            for part in next(csv.reader([text]), []):
                self._set(flag, part, origin)
        else:
            self._set(flag, text, origin)

    def _long(self, word: str, rest: Iterator[str]) -> None:
        name, equals, text = word.partition("=")
        flag = self._flags.get(name) or self._refuse(name)
        shown = f"--{name}"
        if equals:
            self._set(flag, text, shown)
        elif flag.bare:
            self._bare(flag)
        else:
            self._set(flag, _value(shown, rest), shown)

    def _cluster(self, letters: str, rest: Iterator[str]) -> None:
        while letters:
            letter, letters = letters[0], letters[1:]
            flag = self._short.get(letter)
            shown = f"-{letter}"
            if flag is None:
                raise UsageError(
                    f"unknown shorthand flag: {letter!r} in -{letter}{letters}",
                    remedy=f"see `mirrorfs {self._command} --help`",
                )
            if letters.startswith("="):
                self._set(flag, letters[1:], shown)
                return
            if not flag.bare:
                self._set(flag, letters or _value(shown, rest), shown)
                return
            self._bare(flag)

    def _bare(self, flag: Flag) -> None:
        if flag.counts:
            self.values[flag.name] = self.values.get(flag.name, 0) + 1
        else:
            self.values[flag.name] = flag.parse("true")
        self.texts[flag.name] = [str(self.values[flag.name]).lower()]

    def _set(self, flag: Flag, text: str, origin: str) -> None:
        try:
            value = flag.parse(text)
        except ValueRefused as error:
            raise UsageError(f"invalid argument {text!r} for {origin}: {error}") from error
        if flag.repeats:
            value = (*self.values.get(flag.name, ()), value)
        self.texts[flag.name] = [*self.texts.get(flag.name, ()), text] if flag.repeats else [text]
        self.values[flag.name] = value

    def _refuse(self, name: str) -> Flag:
        if name in REFUSED:
            raise UsageError(_sentence(name), remedy="leave it out")
        if name in ALL:
            commands = ", ".join(sorted(ALL[name].commands))
            raise UsageError(
                f"--{name} does not belong to {self._command}", remedy=f"it goes with: {commands}"
            )
        import difflib

        near = difflib.get_close_matches(name, self._flags, 1)
        remedy = f"did you mean --{near[0]}?" if near else "see `mirrorfs help flags`"
        raise UsageError(f"unknown flag: --{name}", remedy=remedy)


def _value(shown: str, rest: Iterator[str]) -> str:
    try:
        return next(rest)
    except StopIteration:
        raise UsageError(f"flag needs an argument: {shown}") from None


def _sentence(name: str) -> str:
    return f"--{name} is refused: {REFUSED[name]}"
