"""Regular expressions of Go (RE2 syntax) said in Python's `re`.

Law: a translation accepts exactly what Go accepts, or there is none: what Python cannot say
(scripts such as \\p{Greek}) and what Go refuses (lookaround, back-references) raises ValueError.

One difference is meant: `.` also matches a newline. rclone shows control characters in names as
other characters, so its `.` matches them too.
"""

import re

from mirrorfs.core.record import record, replace

from . import charset
from .charset import Ranges

_ESCAPES = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_REPEAT = re.compile(r"([*+?])|\{(\d+)(,(\d*))?\}", re.ASCII)
_GROUP = re.compile(r"\?(?:P?<(\w+)>|([imsU]*)(?:-([imsU]+))?([:)]))", re.ASCII)
_REPEAT_MAX = 1000


@record
class Translation:
    """`text` is for re.compile(text, re.DOTALL).

    `may_slash`: whether a `/` can be matched; `splits`: whether a `|` stands outside all groups.
    """

    text: str
    may_slash: bool
    splits: bool


@record
class _Flags:
    i: bool = False
    m: bool = False
    U: bool = False


def translate(pattern: str, *, ignore_case: bool = False) -> Translation:
    """Go's pattern in Python's dialect, groups made non-capturing.

    Raises ValueError in the words of Go's parser.
    """
    reader = _Reader(pattern)
    text = reader.alternatives(_Flags(i=ignore_case))
    if reader.at < len(pattern):
        raise ValueError(f"unexpected ): `{pattern}`")
    return Translation(text, reader.may_slash, reader.splits)


class _Reader:
    """A recursive descent over the pattern; `at` is the next character."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.may_slash = False
        self.splits = False
        self.depth = 0
        self.names: set[str] = set()

    def alternatives(self, flags: _Flags) -> str:
        """Up to the group's `)` or the end. Flags set on the way hold until there, past any `|`."""
        out: list[str] = []
        repeatable = False
        while (char := self._peek()) and char != ")":
            if char == "|":
                self.at += 1
                self.splits |= self.depth == 0
                out.append("|")
                repeatable = False
            elif char in "*+?" or (char == "{" and _REPEAT.match(self.pattern, self.at)):
                if not repeatable:
                    raise ValueError(f"missing argument to repetition operator: `{char}`")
                out.append(self._repeated(out.pop(), flags))
            elif char == "(":
                self.at += 1
                atom, flags = self._group(flags)
                out.append(atom)
                repeatable = bool(atom)
            else:
                self.at += 1
                out.append(self._atom(char, flags))
                repeatable = bool(out[-1])
        return "".join(out)

    def _peek(self, length: int = 1) -> str:
        return self.pattern[self.at : self.at + length]

    def _group(self, flags: _Flags) -> tuple[str, _Flags]:
        """What follows a `(`: the group, or "" and the new flags when it only sets flags."""
        inner = flags
        if self._peek() == "?":
            head = _GROUP.match(self.pattern, self.at)
            if head is None:
                raise ValueError(f"invalid or unsupported Perl syntax: `({self._peek(2)}`")
            self.at = head.end()
            if head[1]:
                if head[1] in self.names:
                    raise ValueError(f"duplicate capture group name: `{head[1]}`")
                self.names.add(head[1])
            else:
                on, off = head[2] or "", head[3] or ""
                changes = {flag: flag in on for flag in "imU" if flag in on or flag in off}
                inner = replace(flags, **changes)
                if head[4] == ")":
                    return "", inner
        self.depth += 1
        text = self.alternatives(inner)
        self.depth -= 1
        if self._peek() != ")":
            raise ValueError(f"missing closing ): `{self.pattern}`")
        self.at += 1
        return f"(?:{text})", flags

    def _repeated(self, atom: str, flags: _Flags) -> str:
        count = _REPEAT.match(self.pattern, self.at)
        assert count is not None
        start, self.at = self.at, count.end()
        lazy = self._peek() == "?"
        self.at += lazy
        if self._peek() in ("*", "+", "?") or _REPEAT.match(self.pattern, self.at):
            raise ValueError(
                f"invalid nested repetition operator: `{self.pattern[start : self.at + 1]}`"
            )
        low, high = count[2], count[4] if count[3] else count[2]
        if low and (max(int(low), int(high or 0)) > _REPEAT_MAX or (high and int(high) < int(low))):
            raise ValueError(f"invalid repeat count: `{count[0]}`")
        # Python refuses to repeat what has no width; once or not at all is the same.
        if atom in ("\\A", "\\Z") or atom.startswith(("(?m:", "(?a:")):
            return f"(?:{atom}|)" if count[1] in ("*", "?") or low == "0" else atom
        return f"{atom}{count[0]}{'?' if lazy != flags.U else ''}"

    def _atom(self, char: str, flags: _Flags) -> str:
        if char == ".":
            self.may_slash = True
            return "."
        if char == "^":
            return "(?m:^)" if flags.m else "\\A"
        if char == "$":
            return "(?m:$)" if flags.m else "\\Z"
        if char == "[":
            return self._class(flags)
        if char == "\\":
            return self._escape(flags)
        return self._literal(char, flags)

    def _literal(self, char: str, flags: _Flags) -> str:
        self.may_slash |= char == "/"
        text = re.escape(char)
        # Only what has a case needs the flag.
        return f"(?i:{text})" if flags.i and char.swapcase() != char else text

    def _set(self, ranges: Ranges, flags: _Flags, *, negated: bool = False) -> str:
        self.may_slash |= charset.contains(ranges, "/") != negated
        text = charset.to_python(charset.merged(ranges), negated=negated)
        return f"(?i:{text})" if flags.i else text

    def _escape(self, flags: _Flags) -> str:
        char = self._peek()
        if char == "Q":
            end = self.pattern.find("\\E", self.at)
            text = self.pattern[self.at + 1 : end if end >= 0 else None]
            self.at = end + 2 if end >= 0 else len(self.pattern)
            # A repetition after it counts for its last character.
            parts = [self._literal(c, flags) for c in text]
            if parts and _REPEAT.match(self.pattern, self.at):
                parts[-1] = self._repeated(parts[-1], flags)
            return "".join(parts)
        if char in ("A", "z", "b", "B"):
            self.at += 1
            return {"A": "\\A", "z": "\\Z"}.get(char, f"(?a:\\{char})")
        ranges = self._named()
        return self._literal(self._escaped(), flags) if ranges is None else self._set(ranges, flags)

    def _named(self) -> Ranges | None:
        """The set that the escape at `at` (behind its backslash) names; None: it names none."""
        char = self._peek()
        if char and char in "dDwWsS":
            self.at += 1
            ranges = charset.PERL[char.lower()]
            return charset.complement(ranges) if char.isupper() else ranges
        if char not in ("p", "P"):
            return None
        long = re.compile(r"\{(\^?)(\w+)\}").match(self.pattern, self.at + 1)
        name = long[2] if long else self.pattern[self.at + 1 : self.at + 2]
        if name != "Any" and name not in charset.CATEGORIES:
            raise ValueError(f"invalid or unsupported character class: `\\{char}{{{name}}}`")
        self.at = long.end() if long else self.at + 2
        negated = (char == "P") != bool(long and long[1])
        ranges = list(charset.category(name))
        return charset.complement(ranges) if negated else ranges

    def _escaped(self) -> str:
        """The character that the escape at `at` stands for."""
        char = self._peek()
        self.at += 1
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char == "x":
            code = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})").match(self.pattern, self.at)
            if code and int(code[1] or code[2], 16) <= charset.LAST:
                self.at = code.end()
                return chr(int(code[1] or code[2], 16))
        elif char and char in "01234567":
            code = re.compile("0[0-7]{0,2}|[1-7][0-7]{1,2}").match(self.pattern, self.at - 1)
            if code:
                self.at = code.end()
                return chr(int(code[0], 8))
        elif char and char.isascii() and not char.isalnum():
            return char
        if not char:
            raise ValueError("trailing backslash at end of expression: ``")
        raise ValueError(f"invalid escape sequence: `\\{char}`")

    def _class(self, flags: _Flags) -> str:
        start = self.at - 1
        negated = self._peek() == "^"
        self.at += negated
        ranges: Ranges = []
        first = self.at
        while self._peek() != "]" or self.at == first:
            if not self._peek():
                raise ValueError(f"missing closing ]: `{self.pattern[start:]}`")
            ranges += self._member()
        self.at += 1
        return self._set(ranges, flags, negated=negated)

    def _member(self) -> Ranges:
        """One character, range or named set of a class."""
        end = self.pattern.find(":]", self.at + 2) if self._peek(2) == "[:" else -1
        if end >= 0:
            name = self.pattern[self.at + 2 : end]
            ranges = charset.POSIX.get(name.removeprefix("^"))
            if ranges is None:
                raise ValueError(f"invalid character class range: `[:{name}:]`")
            self.at = end + 2
            return charset.complement(ranges) if name.startswith("^") else ranges
        start = self.at
        if self._peek() == "\\":
            self.at += 1
            named = self._named()
            if named is not None:
                return named
            self.at -= 1
        low = high = self._class_char()
        if self._peek() == "-" and self._peek(2) not in ("-", "-]"):
            self.at += 1
            high = self._class_char()
        if high < low:
            raise ValueError(f"invalid character class range: `{self.pattern[start : self.at]}`")
        return [(ord(low), ord(high))]

    def _class_char(self) -> str:
        char = self._peek()
        self.at += 1
        return self._escaped() if char == "\\" else char
