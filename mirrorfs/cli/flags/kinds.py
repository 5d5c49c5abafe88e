"""The kinds of flags, and one function per kind that declares a flag as a field of a group.

Law: a flag is declared once, as a typed field; its name is the field's with dashes. Parser,
environment, help, documentation and completion read the declaration back with `declared`.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from keyword import iskeyword
from typing import Any, ClassVar, NamedTuple, NoReturn, dataclass_transform

from mirrorfs.core.values import (
    Age,
    OrderBy,
    Reserve,
    Slot,
    ValueRefused,
    format_duration,
    format_size,
    parse_age,
    parse_bool,
    parse_bwlimit,
    parse_choice,
    parse_count,
    parse_duration,
    parse_int,
    parse_order_by,
    parse_partial_suffix,
    parse_rename_strategy,
    parse_reserve,
    parse_size,
)
from mirrorfs.errors import FatalError

TREES = frozenset({"sync", "copy", "move", "plan", "check", "dedupe", "explain", "run", "mount"})
EVERYWHERE = TREES | {
    "watch", "journal", "status", "log", "doctor", "audit", "held", "approve", "discard", "pause",
    "resume", "sync-now", "version", "help", "completion", "config", "init", "service",
}  # fmt: skip
MIRRORS = frozenset({"sync", "copy", "plan", "run", "mount"})


class Verdict(Enum):
    """How a flag relates to rclone's flag of the same name."""

    SAME = "same"
    BETTER = "better"  # the same purpose, and something is done more carefully
    IGNORED = "accepted, no effect"
    OWN = "mirrorfs only"


def name_of(field: str) -> str:
    """A field's flag; a word of Python's has a dash below it behind it."""
    return field.rstrip("_").replace("_", "-")


class Flag(NamedTuple):
    """One option. ``value`` names what it takes ("" for a switch or a counter), ``parse`` reads it.

    ``repeats``: it may be given several times and all count. ``bare``: it needs no value, and takes
    one only after an equals sign.
    ``reason`` says what is better, or why there is no effect.
    """

    name: str
    short: str
    value: str
    parse: Callable[[str], Any]
    default: Any
    shown: str
    help: str
    group: str
    commands: frozenset[str]
    verdict: Verdict
    reason: str
    choices: tuple[str, ...] = ()
    repeats: bool = False
    bare: bool = False
    counts: bool = False

    @property
    def field(self) -> str:
        return self.name.replace("-", "_") + "_" * iskeyword(self.name)

    @property
    def takes(self) -> str:
        """What follows its name, as people write it."""
        if self.bare:
            return f"[={self.value}]" if self.value else ""
        return f" {self.value}" if self.value else ""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "MIRRORFS_" + self.name.replace("-", "_").upper()


class _Declared(NamedTuple):
    default: Any
    details: dict[str, Any]


def _declare(
    parse: Callable[[str], Any],
    default: Any,
    help: str,
    short: str,
    *,
    value: str = "",
    shown: str = "",
    on: frozenset[str] | None = None,
    better: str = "",
    ignored: str = "",
    own: bool = False,
    choices: tuple[str, ...] = (),
    repeats: bool = False,
    bare: bool = False,
    counts: bool = False,
) -> Any:
    verdict = Verdict.OWN if own else Verdict.BETTER if better else Verdict.SAME
    if ignored:
        verdict = Verdict.IGNORED
    return _Declared(
        default,
        {
            "parse": parse,
            "help": help,
            "short": short,
            "value": value,
            "shown": shown,
            "commands": on,
            "verdict": verdict,
            "reason": better or ignored,
            "choices": choices,
            "repeats": repeats,
            "bare": bare,
            "counts": counts,
        },
    )


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False)
class Group:
    """The values of some flags, immutable; a subclass declares them as its fields.

    Not a dataclass: writing the methods of a dozen of those takes longer than all else that
    `sync --help` does.
    """

    declarations: ClassVar[dict[str, _Declared]] = {}

    def __init_subclass__(cls) -> None:
        cls.declarations = {
            name: value for name, value in vars(cls).items() if isinstance(value, _Declared)
        }
        for name, declaration in cls.declarations.items():
            setattr(cls, name, declaration.default)

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")


def declared(group: type[Group], title: str, commands: frozenset[str]) -> Iterator[Flag]:
    """The flags a group declares; ``commands`` is where those that do not say belong."""
    for field, (default, details) in group.declarations.items():
        details = {**details, "commands": details["commands"] or commands}
        yield Flag(name=name_of(field), default=default, group=title, **details)


def switch(help: str, short: str = "", *, default: bool = False, **rest: Any) -> bool:
    shown = "true" if default else ""
    declared: bool = _declare(parse_bool, default, help, short, shown=shown, bare=True, **rest)
    return declared


def counter(help: str, short: str = "", **rest: Any) -> int:
    declared: int = _declare(parse_int, 0, help, short, bare=True, counts=True, **rest)
    return declared


def text(help: str, short: str = "", *, default: str = "", value: str = "TEXT", **rest: Any) -> str:
    declared: str = _declare(str, default, help, short, value=value, shown=default, **rest)
    return declared


def texts(help: str, short: str = "", *, value: str = "TEXT", **rest: Any) -> tuple[str, ...]:
    declared: tuple[str, ...] = _declare(str, (), help, short, value=value, repeats=True, **rest)
    return declared


def number(help: str, default: int, **rest: Any) -> int:
    """Any integer."""
    declared: int = _declare(parse_int, default, help, "", value="N", shown=str(default), **rest)
    return declared


def amount(help: str, default: int, short: str = "", **rest: Any) -> int:
    """An integer that is at least 1; less counts as 1."""
    shown = str(default)
    declared: int = _declare(parse_count, default, help, short, value="N", shown=shown, **rest)
    return declared


def size(help: str, default: int = -1, **rest: Any) -> int:
    """Bytes, -1 for off."""
    shown = format_size(default)
    declared: int = _declare(parse_size, default, help, "", value="SIZE", shown=shown, **rest)
    return declared


def reserve(help: str, **rest: Any) -> Reserve | None:
    """``None`` where the user said nothing."""
    declared: Reserve | None = _declare(
        parse_reserve, None, help, "", value="SIZE|PERCENT", shown="off; run: 1%", **rest
    )
    return declared


def _span(value: str) -> int:
    return parse_duration(value) or 0


def duration(help: str, default: int = 0, **rest: Any) -> int:
    """Nanoseconds, 0 for off."""
    shown = format_duration(default)
    declared: int = _declare(_span, default, help, "", value="DURATION", shown=shown, **rest)
    return declared


FOR_EVER = 1 << 62  # nanoseconds: more than a century


def _patience(value: str) -> int:
    if value.lower() in ("true", ""):
        return FOR_EVER
    return 0 if value.lower() == "false" else _span(value)


def patience(help: str, **rest: Any) -> int:
    """Nanoseconds to wait: 0 not at all, `FOR_EVER` where no duration is given."""
    declared: int = _declare(_patience, 0, help, "", value="DURATION", bare=True, **rest)
    return declared


def age(help: str, **rest: Any) -> Age | None:
    declared: Age | None = _declare(parse_age, None, help, "", value="AGE", shown="off", **rest)
    return declared


def bandwidth(help: str, **rest: Any) -> tuple[Slot, ...]:
    declared: tuple[Slot, ...] = _declare(parse_bwlimit, (), help, "", value="RATES", **rest)
    return declared


def _order(value: str) -> OrderBy | None:
    try:
        return parse_order_by(value)
    except ValueRefused as refused:
        raise FatalError(str(refused)) from None  # rclone's exit code; it reads this value later


def order(help: str, **rest: Any) -> OrderBy | None:
    declared: OrderBy | None = _declare(_order, None, help, "", value="ORDER", **rest)
    return declared


def choice(help: str, *choices: str, default: str, short: str = "", **rest: Any) -> str:
    """One of ``choices``, in any case; the value has the spelling of ``choices``."""

    def parse(value: str) -> str:
        return parse_choice(value, choices)

    value = "|".join(choices)
    declared: str = _declare(
        parse, default, help, short, value=value, shown=default, choices=choices, **rest
    )
    return declared


def strategy(help: str, **rest: Any) -> frozenset[str]:
    default = frozenset({"hash"})
    declared: frozenset[str] = _declare(
        parse_rename_strategy, default, help, "", value="LIST", shown="hash", **rest
    )
    return declared


def partial_suffix(help: str, default: str, **rest: Any) -> str:
    declared: str = _declare(
        parse_partial_suffix, default, help, "", value="TEXT", shown=default, **rest
    )
    return declared
