"""Which line of a configuration a key stands on: the parser of TOML does not tell.

Law: a line is named only where there is no doubt; 0 otherwise.
"""

import re

TOP = -1  # the part of the file before the first table

_DESTINATION = re.compile(r"\s*\[\[\s*[\"']?destination[\"']?\s*\]\]")


def line(text: str, key: str, table: int = TOP) -> int:
    """Counted from 1. ``table``: which [[destination]] the key is in, counted from 0; with an empty
    key the line that it begins with."""
    sets = re.compile(rf"\s*([\"']?){re.escape(key)}\1\s*[.=]")
    heads = re.compile(rf"\s*\[+\s*([\"']?){re.escape(key)}\1\s*[\].]")
    now, found = TOP, []
    for number, content in enumerate(text.splitlines(), 1):
        if _DESTINATION.match(content):
            now += 1
            if not key and now == table:
                return number
        elif key and now == table and sets.match(content):
            found.append(number)
        if key and table == TOP and heads.match(content):
            found.append(number)
    return found[0] if len(found) == 1 else 0
