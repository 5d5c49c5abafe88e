"""Can a rule exclude anything below a directory? Answered from the globs, without any listing.

Law: "no" is a proof, "yes" may only be doubt.
"""

from collections.abc import Iterable

from .match import single
from .rules import Rule

_SPECIAL = frozenset("\\.[]()|^$*+?{}")


def may_exclude(rules: Iterable[Rule], directory: str) -> bool:
    """Whether some name below `directory` might be excluded by `rules` ("" is the root)."""
    inside = f"{directory}/" if directory else ""
    for rule in rules:
        if not rule.include:
            if _may_match_below(rule, inside):
                return True
        elif _matches_all_below(rule, inside):
            return False
    return False


def _matches_all_below(rule: Rule, inside: str) -> bool:
    # `x**` matches whatever continues a name that it matches; the name here is `dir/`. A `.` of
    # the name's own is escaped, so an expression that ends in `.*` ends in `**`.
    return rule.matches_all or (
        rule.regexp.body.endswith(".*") and single(rule)(inside) is not None
    )


def _may_match_below(rule: Rule, inside: str) -> bool:
    if not rule.regexp.anchored:
        return True
    start = _literal_start(rule.regexp.body)
    if rule.regexp.ignore_case:
        # Letters whose cases differ in more than lower() are left to doubt.
        if not (start.isascii() and inside.isascii()):
            return True
        start, inside = start.lower(), inside.lower()
    return start.startswith(inside) or inside.startswith(start)


def _literal_start(body: str) -> str:
    """The characters with which everything that the expression matches begins.

    >>> _literal_start("a/b[^/]*")
    'a/b'
    """
    # Globs put no quantifier behind a plain character, so each one up to here must be there.
    return body[: next((at for at, char in enumerate(body) if char in _SPECIAL), len(body))]
