"""Values that are one of a few words, or a list of them."""

from collections.abc import Iterable

from .errors import ValueRefused

CUTOFF_MODES = ("HARD", "SOFT", "CAUTIOUS")
LOG_LEVELS = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")
RENAME_STRATEGIES = ("hash", "modtime", "leaf", "size")


def parse_choice(value: str, choices: Iterable[str]) -> str:
    """The choice that `value` spells, in any case. Raises ValueRefused."""
    known = {choice.lower(): choice for choice in choices}
    try:
        return known[value.lower()]
    except KeyError:
        raise ValueRefused(value, "one of " + ", ".join(known.values())) from None


def parse_cutoff_mode(value: str) -> str:
    """HARD, SOFT or CAUTIOUS."""
    return parse_choice(value, CUTOFF_MODES)


def parse_log_level(value: str) -> str:
    """A level in upper case, DEBUG to EMERGENCY."""
    return parse_choice(value, LOG_LEVELS)


def parse_rename_strategy(value: str) -> frozenset[str]:
    """What must agree besides the size for a file to count as renamed: `hash`, `modtime`, `leaf`.

    The size is always compared, so `size` alone gives the empty set. Raises ValueRefused.
    """
    parts = value.split(",")
    for part in parts:
        if part not in RENAME_STRATEGIES:
            accepted = "a comma-separated list of " + ", ".join(RENAME_STRATEGIES)
            raise ValueRefused(value, accepted, f"unknown strategy {part!r}")
    return frozenset(parts) - {"size"}
