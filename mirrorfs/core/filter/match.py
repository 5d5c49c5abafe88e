"""Many rules as one regular expression, so that a name costs one call of `re`.

Law: the answer is that of the first rule that matches. Runs of rules with the same sign become one
alternative each, in order; an including run ends in an empty group, so that after a match
`lastindex` is None if and only if an excluding run decided.
"""

import re
from collections.abc import Callable, Iterable
from itertools import groupby

from .dialect import translate
from .errors import FilterError
from .glob import quote
from .rules import Rule

_STAR = translate("[^/]*").text

FullMatch = Callable[[str], "re.Match[str] | None"]


def combine(rules: Iterable[Rule]) -> FullMatch:
    """A function for whole names; `m is None or m.lastindex is not None` means included.

    Raises FilterError for a rule that Python cannot compile.
    """
    rules = list(rules)
    runs = [
        f"(?:{_run(list(run))}){'()' if include else ''}"
        for include, run in groupby(rules, key=lambda rule: rule.include)
    ]
    try:
        return re.compile("|".join(runs) or "(?!)", re.DOTALL).fullmatch
    except (re.error, OverflowError, RecursionError):
        for rule in rules:
            single(rule)
        raise


def single(rule: Rule) -> FullMatch:
    """The same for one rule: a match says that it applies."""
    try:
        return re.compile(_run([rule]), re.DOTALL).fullmatch
    except (re.error, OverflowError, RecursionError) as error:
        raise FilterError(
            f"bad glob pattern in {quote(rule.text)} (regexp {quote(str(rule.regexp))}): {error}",
            rule=rule.text,
            origin=rule.origin,
        ) from None


def _run(rules: list[Rule]) -> str:
    """One expression for rules of which any may match."""
    anchored, anywhere, last, ends = [], [], [], []
    for rule in rules:
        text = rule.python.text + (".*" if rule.regexp.open_ended else "")
        if rule.regexp.anchored:
            anchored.append(text)
        elif rule.python.may_slash or rule.regexp.open_ended:
            anywhere.append(text)
        elif text.startswith(_STAR):
            ends.append(text.removeprefix(_STAR))
        else:
            last.append(text)
    if ends:
        # `*.a`, `*.b`: the star is tried once for all of them.
        last.append(f"{_STAR}(?:{'|'.join(ends)})")
    parts = []
    if last:
        # What holds no `/` can only match the last component: there is nothing to go back to.
        parts.append(f"(?>.*/|)(?:{'|'.join(last)})")
    if anywhere:
        parts.append(f"(?:.*/|)(?:{'|'.join(anywhere)})")
    return "|".join(parts + anchored)
