"""Many rules as one regular expression, so that a name costs one call of `re`.

Law: the answer is that of the first rule that matches. Runs of rules with the same sign become one
alternative each, in order; an including run ends in an empty group, so that after a match
`lastindex` is None if and only if an excluding run decided.
"""

import re
from collections.abc import Callable, Iterable
from itertools import groupby

from .rules import Rule

FullMatch = Callable[[str], "re.Match[str] | None"]


def combine(rules: Iterable[Rule]) -> FullMatch:
    """A function for whole names; `m is None or m.lastindex is not None` means included."""
    runs = [
        f"(?:{_run(list(run))}){'()' if include else ''}"
        for include, run in groupby(rules, key=lambda rule: rule.include)
    ]
    return re.compile("|".join(runs) or "(?!)", re.DOTALL).fullmatch


def single(rule: Rule) -> FullMatch:
    """The same for one rule: a match says that it applies."""
    return re.compile(_run([rule]), re.DOTALL).fullmatch


def _run(rules: list[Rule]) -> str:
    """One expression for rules of which any may match."""
    anchored, last, anywhere = [], [], []
    for rule in rules:
        text = rule.python.text + (".*" if rule.regexp.open_ended else "")
        if rule.regexp.anchored:
            anchored.append(text)
        elif rule.python.may_slash or rule.regexp.open_ended:
            anywhere.append(text)
        else:
            last.append(text)
    parts = []
    if last:
        # What holds no `/` can only match the last component: there is nothing to go back to.
        parts.append(f"(?>(?:.*/)?)(?:{'|'.join(last)})")
    if anywhere:
        parts.append(f"(?:.*/)?(?:{'|'.join(anywhere)})")
    return "|".join(parts + anchored)
