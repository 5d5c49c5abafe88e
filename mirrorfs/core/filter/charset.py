"""Sets of characters as sorted, merged ranges of code points, and the named ones Go knows.

Perl's and POSIX's classes are ASCII in Go; Unicode's general categories come from Python's tables.
"""

import unicodedata
from functools import cache

Ranges = list[tuple[int, int]]

LAST = 0x10FFFF


def _named(*spans: str) -> Ranges:
    return [(ord(span[0]), ord(span[-1])) for span in spans]


PERL: dict[str, Ranges] = {
    "d": _named("09"),
    "w": _named("09", "AZ", "_", "az"),
    "s": _named("\t\n", "\f\r", " "),
}

POSIX: dict[str, Ranges] = {
    "alnum": _named("09", "AZ", "az"),
    "alpha": _named("AZ", "az"),
    "ascii": _named("\x00\x7f"),
    "blank": _named("\t", " "),
    "cntrl": _named("\x00\x1f", "\x7f"),
    "digit": _named("09"),
    "graph": _named("!~"),
    "lower": _named("az"),
    "print": _named(" ~"),
    "punct": _named("!/", ":@", "[`", "{~"),
    "space": _named("\t\r", " "),
    "upper": _named("AZ"),
    "word": PERL["w"],
    "xdigit": _named("09", "AF", "af"),
}

# Scripts are not among them: Python has no table of scripts.
CATEGORIES = frozenset(
    major + minor
    for major, minors in {
        "C": "cfos",
        "L": "lmotu",
        "M": "cen",
        "N": "dlo",
        "P": "cdefios",
        "S": "ckmo",
        "Z": "lps",
    }.items()
    for minor in ("", *minors)
)


@cache
def category(name: str) -> tuple[tuple[int, int], ...]:
    """The code points of a general category such as `L` or `Lu`; ~0.2 s the first time."""
    if name == "Any":
        return ((0, LAST),)
    found: Ranges = []
    for code in range(LAST + 1):
        # Unassigned code points (Cn) belong to no category of Go's.
        kind = unicodedata.category(chr(code))
        if kind.startswith(name) and kind != "Cn":
            if found and found[-1][1] == code - 1:
                found[-1] = (found[-1][0], code)
            else:
                found.append((code, code))
    return tuple(found)


def merged(ranges: Ranges) -> Ranges:
    """The same set with ranges sorted, none touching another."""
    out: Ranges = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return out


def complement(ranges: Ranges) -> Ranges:
    out: Ranges = []
    start = 0
    for low, high in merged(ranges):
        if low > start:
            out.append((start, low - 1))
        start = high + 1
    return [*out, (start, LAST)] if start <= LAST else out


def contains(ranges: Ranges, char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in ranges)


def to_python(ranges: Ranges, *, negated: bool = False) -> str:
    """The set as a class of Python's `re`."""
    if not ranges:
        return "[\\S\\s]" if negated else "(?!)"
    items = (_code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in ranges)
    return f"[{'^' if negated else ''}{''.join(items)}]"


def _code(point: int) -> str:
    char = chr(point)
    return char if char.isascii() and char.isalnum() else f"\\U{point:08x}"
