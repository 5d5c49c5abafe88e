"""Globs: their regular expression, and the directories in which they may match.

Law: the regular expression is written as rclone writes it (Go's dialect, shown by --dump filters);
what Python makes of it is the business of `dialect`.

    *  [^/]*     **  .*     ?  [^/]     [a-z]  the same     {a,b}  (a|b)     {{regexp}}  (regexp)

`\\x` is passed on as it is, so `\\d` means a digit, and a backslash at the very end swallows the
end anchor. `[!a]` is no negation, `[^a]` is. A leading `/` anchors at the root.
"""

import re

from mirrorfs.core.record import record

_META = frozenset(".+()|^$")
_STARS = {0: "", 1: "[^/]*", 2: ".*"}


@record
class Regexp:
    """A glob's regular expression in Go's dialect; str() gives it whole, anchors included."""

    body: str
    anchored: bool
    ignore_case: bool = False

    def __str__(self) -> str:
        case = "(?i)" if self.ignore_case else ""
        return f"{case}{'^' if self.anchored else '(^|/)'}{self.body}$"

    @property
    def open_ended(self) -> bool:
        """Whether a backslash at the end swallowed the anchor."""
        return (len(self.body) - len(self.body.rstrip("\\"))) % 2 == 1


def to_regexp(glob: str, *, ignore_case: bool = False) -> Regexp:
    """The glob in Go's dialect. Raises ValueError that says what is wrong with the glob."""
    body = glob.removeprefix("/")
    return Regexp(_Body(body).text, body != glob, ignore_case)


class _Body:
    """The glob without its anchors, read from left to right."""

    def __init__(self, glob: str) -> None:
        self.glob = glob
        self.out: list[str] = []
        self.at = 0
        depth = 0
        while self.at < len(glob):
            char = glob[self.at]
            self.at += 1
            if char == "*":
                self._stars()
            elif char == "?":
                self.out.append("[^/]")
            elif char == "\\":
                self.out.append("\\" + glob[self.at : self.at + 1])
                self.at += 1
            elif char == "[":
                self._brackets()
            elif char == "]":
                raise ValueError(f"mismatched ']' in glob {quote(glob)}")
            elif char == "{" and glob.startswith("{", self.at):
                self._regexp()
            elif char == "{":
                depth += 1
                self.out.append("(")
            elif char == "}":
                depth -= 1
                self.out.append(")")
                if depth < 0:
                    break
            elif char == "," and depth:
                self.out.append("|")
            else:
                self.out.append("\\" + char if char in _META else char)
        if depth:
            raise ValueError(f"mismatched '{{' and '}}' in glob {quote(glob)}")
        self.text = "".join(self.out)

    def _stars(self) -> None:
        start = self.at - 1
        while self.glob.startswith("*", self.at):
            self.at += 1
        try:
            self.out.append(_STARS[self.at - start])
        except KeyError:
            raise ValueError(f"too many stars in {quote(self.glob)}") from None

    def _brackets(self) -> None:
        # Brackets nest, for [[:alpha:]]; a backslash inside does not hide one.
        start, open_ = self.at - 1, 1
        while open_ and self.at < len(self.glob):
            open_ += {"[": 1, "]": -1}.get(self.glob[self.at], 0)
            self.at += 1
        if open_:
            raise ValueError(f"mismatched '[' and ']' in glob {quote(self.glob)}")
        self.out.append(self.glob[start : self.at])

    def _regexp(self) -> None:
        end = self.glob.find("}}", self.at + 1)
        if end < 0:
            raise ValueError(f"mismatched '{{{{' and '}}}}' in glob {quote(self.glob)}")
        # Of a longer run of braces the last two end it: {{\d{8}}} holds \d{8}.
        while self.glob.startswith("}", end + 2):
            end += 1
        self.out.append(f"({self.glob[self.at + 1 : end]})")
        self.at = end + 2


# Braces that hold a `/`, a `**` or further braces, and {{regexp}}: no directories can be read off.
_OPAQUE = r"\{[^{}]*(?:\*\*|/)[^{}]*\}|\{\{|\}\}|\{[^{}]*\{"


def directories(glob: str) -> list[str]:
    """Globs of the directories (with a `/` at the end) that must be entered to find what matches.

    `/**` stands for "any directory"; a name that may be anywhere has only that. Deepest first.
    """
    if re.search(_OPAQUE, glob):
        return ["/**"]
    glob = re.sub("//+", "/", glob)
    found: list[str] = []
    for cut in reversed(list(re.finditer(r"\*\*|/", glob))):
        # `**` may itself stand for directories, so it stays; a `/` only separates.
        kept = glob[: cut.end()] if cut[0] == "**" else glob[: cut.start()]
        if found[-1:] != [kept + "/"]:
            found.append(kept + "/")
    return found or ["/**"]


def quote(text: str) -> str:
    """The text in double quotes, as messages show it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in escaped) + '"'
