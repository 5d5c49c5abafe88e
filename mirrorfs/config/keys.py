"""Which types a key takes, and how its value stands on a command line.

Law: a key is an option of the command line under its long name; whether a value is accepted, its
own parser says.
"""

from collections.abc import Callable
from typing import Any, Protocol

from mirrorfs.config.place import PlaceRefused, place
from mirrorfs.core.values import ValueRefused
from mirrorfs.errors import MirrorError

# What all destinations of a source share: one log, one watcher, one state directory.
SHARED_GROUPS = frozenset({"Logging", "Watching"})
SHARED = frozenset({"state-dir", "cache-dir", "wait"})
READ = "Filter"  # the group whose files are read; those of others are written
PATHS = frozenset({"DIR", "FILE"})
STDIN_OR_STDOUT = "-"


class Key(Protocol):
    """What is asked of an option of the command line (`mirrorfs.cli.flags.Flag` is one)."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def parse(self) -> Callable[[str], Any]: ...
    @property
    def group(self) -> str: ...
    @property
    def repeats(self) -> bool: ...
    @property
    def bare(self) -> bool: ...
    @property
    def counts(self) -> bool: ...
    @property
    def choices(self) -> tuple[str, ...]: ...


class ValueWrong(ValueError):
    """``remedy`` says what to write instead."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def is_shared(key: Key) -> bool:
    """Whether it is the same for all destinations."""
    return key.group in SHARED_GROUPS or key.name in SHARED


def accepted(key: Key) -> tuple[Any, str]:
    """The type of its value, and how that is said."""
    if key.repeats:
        return list[str] | str, "text, or a list of texts"
    if key.counts:
        return bool | int, "a whole number"
    if key.bare:
        return (bool | int | str, "true, false, or a duration") if key.value else (
            bool, "true or false",
        )  # fmt: skip
    if key.value == "N":
        return int | str, "a whole number"
    if key.choices or key.value in PATHS or key.value in ("TEXT", "NAME", "RULE", "PATTERN"):
        return str, "text"
    return int | float | str, "a number or text"


def texts(key: Key, value: object, home: str) -> tuple[str, ...]:
    """A value of a file as the command line would have it, one text for each time the option is
    given. Raises ValueWrong."""
    import msgspec

    wanted, said = accepted(key)
    try:
        checked = msgspec.convert(value, type=wanted)
    except msgspec.ValidationError:
        raise ValueWrong(f"{spoken(value)} is not {said}", _example(key)) from None
    if isinstance(checked, bool) and key.counts:
        checked = int(checked)
    many = checked if isinstance(checked, list) else [checked]
    return tuple(_text(key, one, home) for one in many)


def _text(key: Key, value: object, home: str) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text == STDIN_OR_STDOUT and key.value == "FILE" and key.group == READ:
        # A mirror that runs reads its files again and again.
        raise ValueWrong("standard input can be read only once", "name a file")
    try:
        if key.value in PATHS and text not in ("", STDIN_OR_STDOUT):
            text = place(text, home)
        key.parse(text)
    except PlaceRefused as refused:
        raise ValueWrong(str(refused), refused.remedy) from None
    except ValueRefused as refused:
        raise ValueWrong(str(refused)) from None
    except MirrorError as error:
        raise ValueWrong(str(error), error.remedy) from None
    return text


def spoken(value: object) -> str:
    """What kind of value it is, and which, for a message."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"the text {value!r}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"the date or time {value}"


def _example(key: Key) -> str:
    if key.repeats:
        return f'write {key.name} = ["…"]'
    if key.counts:
        return f"write {key.name} = 1"
    if key.bare:
        return f"write {key.name} = true"
    if key.value == "N":
        return f"write {key.name} = 10"
    return f'write {key.name} = "…"'
