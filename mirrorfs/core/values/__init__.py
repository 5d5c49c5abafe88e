"""What the values of flags mean: pure parsing and printing, one noun per module.

Every parser raises ValueRefused, which names the value and what is accepted. Sizes are bytes,
durations nanoseconds, rates bytes per second.
"""

from .bandwidth import UNLIMITED, Slot, format_bwlimit, parse_bwlimit, rate_at
from .choice import (
    CUTOFF_MODES,
    LOG_LEVELS,
    RENAME_STRATEGIES,
    parse_choice,
    parse_cutoff_mode,
    parse_log_level,
    parse_rename_strategy,
)
from .duration import Age, format_duration, format_readable, parse_age, parse_duration
from .errors import ValueRefused
from .number import parse_bool, parse_count, parse_int
from .order import OrderBy, parse_order_by
from .reserve import NOTHING, Reserve, parse_reserve
from .size import format_size, parse_size
from .suffix import PARTIAL_SUFFIX_MAX, parse_partial_suffix, suffix_name

__all__ = [
    "CUTOFF_MODES",
    "LOG_LEVELS",
    "NOTHING",
    "PARTIAL_SUFFIX_MAX",
    "RENAME_STRATEGIES",
    "UNLIMITED",
    "Age",
    "OrderBy",
    "Reserve",
    "Slot",
    "ValueRefused",
    "format_bwlimit",
    "format_duration",
    "format_readable",
    "format_size",
    "parse_age",
    "parse_bool",
    "parse_bwlimit",
    "parse_choice",
    "parse_count",
    "parse_cutoff_mode",
    "parse_duration",
    "parse_int",
    "parse_log_level",
    "parse_order_by",
    "parse_partial_suffix",
    "parse_rename_strategy",
    "parse_reserve",
    "parse_size",
    "rate_at",
    "suffix_name",
]
