"""Rules: `+ glob`, `- glob`, and what each means for files and for directories.

Law: first match wins, no match includes. An include adds rules for the directories that lead to
what it matches; an exclude says something about directories only when it ends in `/`, holds `**` or
is exactly `*`. A directory that its rules exclude is not listed, so nothing below it counts.
(rclone: Filter.Add)
"""

from mirrorfs.core.record import record

from . import dialect, glob
from .errors import FilterError


@record
class Rule:
    """One regular expression with a sign; `text` is the rule as given, `origin` its place."""

    include: bool
    regexp: glob.Regexp
    python: dialect.Translation
    text: str
    origin: str

    def __str__(self) -> str:
        """As rclone dumps it: the sign and the regular expression in Go's dialect."""
        return f"{'+' if self.include else '-'} {self.regexp}"

    @property
    def matches_all(self) -> bool:
        """Whether it provably matches every name."""
        return self.regexp.body == ".*" or (
            not self.regexp.anchored and self.regexp.body == "[^/]*"
        )


class RuleBook:
    """The rules for files and for directories while they are being collected; repeats are dropped.

    Keyed by the rule as dumped, in the order of their first appearance.
    """

    def __init__(self, *, ignore_case: bool = False) -> None:
        self.ignore_case = ignore_case
        self.files: dict[str, Rule] = {}
        self.directories: dict[str, Rule] = {}

    def line(self, line: str, origin: str) -> None:
        """A line of --filter: `+ glob`, `- glob` or `!`, which forgets all rules so far."""
        if line == "!":
            self.files.clear()
            self.directories.clear()
        elif line[:2] in ("+ ", "- "):
            self.add(line[2:], origin, include=line[0] == "+")
        else:
            raise FilterError(f"malformed rule {glob.quote(line)}", rule=line, origin=origin)

    def add(self, pattern: str, origin: str, *, include: bool) -> None:
        """The rules that one include or exclude means. Raises FilterError."""
        text = f"{'+' if include else '-'} {pattern}"
        only_directories = pattern.endswith("/")
        # Excluding `dir/` excludes `dir/**`; including it includes no file at all.
        if only_directories and not include:
            pattern += "**"
        crosses = "**" in pattern
        rule = self._rule(pattern, text, origin, include)
        if crosses or not only_directories:
            self.files.setdefault(str(rule), rule)
            if include or pattern == "*":
                for directory in glob.directories(pattern):
                    # The root is always entered, so it needs no rule.
                    if directory != "/":
                        derived = self._rule(directory, text, origin, include)
                        self.directories.setdefault(str(derived), derived)
        if crosses or only_directories:
            self.directories.setdefault(str(rule), rule)

    def _rule(self, pattern: str, text: str, origin: str, include: bool) -> Rule:
        try:
            regexp = glob.to_regexp(pattern, ignore_case=self.ignore_case)
        except ValueError as error:
            raise FilterError(str(error), rule=text, origin=origin) from None
        try:
            python = dialect.translate(regexp.body + "$", ignore_case=self.ignore_case)
            if python.splits:
                # {{a)|(b}} would take the anchors apart.
                raise ValueError("unbalanced parentheses")
        except (ValueError, RecursionError) as error:
            why = (
                f"bad glob pattern {glob.quote(pattern)} (regexp {glob.quote(str(regexp))}): "
                f"error parsing regexp: {error}"
            )
            raise FilterError(why, rule=text, origin=origin) from None
        return Rule(include, regexp, python, text, origin)
