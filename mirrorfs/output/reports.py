"""Lists of paths: equal, different, missing on one side, in error (--combined and its parts).

Law: a path is one line, its bytes as they are; only a path that holds a line break is written with
``\\n`` for it and ``\\\\`` for a backslash, and its line begins with a backslash, as in sha256sum.
Files are listed, directories are not. A change is written when it is done, an error when the
run ends: a later attempt may have mended it, and no path is listed twice.
"""

import os
import sys
from collections.abc import Sequence
from typing import BinaryIO, Protocol

from mirrorfs.core.plan import Action, Outcome, Plan, Status, Verb
from mirrorfs.core.record import record
from mirrorfs.core.tree import Trouble, join
from mirrorfs.core.walk import Batch
from mirrorfs.errors import SettingError
from mirrorfs.output.words import is_directory
from mirrorfs.sync.listener import Listener

MATCH, DIFFER, ONLY_SOURCE, ONLY_DESTINATION, ERROR = "=", "*", "+", "-", "!"


_SIGNS = {
    Verb.CREATE: ONLY_SOURCE,
    Verb.UPDATE: DIFFER,
    Verb.DELETE: ONLY_DESTINATION,
    Verb.RENAME: ONLY_SOURCE,
    Verb.ATTRIBUTES: MATCH,
}


class Files(Protocol):
    """Where to write; "" is nowhere, "-" standard output. (The flags of that name.)"""

    @property
    def combined(self) -> str: ...
    @property
    def match(self) -> str: ...
    @property
    def differ(self) -> str: ...
    @property
    def missing_on_src(self) -> str: ...
    @property
    def missing_on_dst(self) -> str: ...
    @property
    def error(self) -> str: ...


@record
class _Out:
    stream: BinaryIO
    signed: bool


class Reports(Listener):
    """A context manager that opens the files, and closes them with the errors written."""

    def __init__(self, files: Files) -> None:
        self._streams: dict[str, BinaryIO] = {}
        everything = "".join((MATCH, DIFFER, ONLY_SOURCE, ONLY_DESTINATION, ERROR))
        self._outs: dict[str, list[_Out]] = {sign: [] for sign in everything}
        for sign, name in (
            (MATCH, files.match),
            (DIFFER, files.differ),
            (ONLY_DESTINATION, files.missing_on_src),
            (ONLY_SOURCE, files.missing_on_dst),
            (ERROR, files.error),
        ):
            if name:
                self._outs[sign].append(_Out(self._open(name), False))
        if files.combined:
            combined = _Out(self._open(files.combined), True)
            for sign in everything:
                self._outs[sign].append(combined)
        self.wanted = bool(self._streams)
        self._matches = bool(self._outs[MATCH])
        self._errors: set[str] = set()
        self._changed: set[str] = set()
        self._attempts = 1

    def __enter__(self) -> "Reports":
        return self

    def __exit__(self, *_: object) -> None:
        for path in sorted(self._errors):
            self._write(ERROR, path)
        for stream in self._streams.values():
            if stream is sys.stdout.buffer:
                stream.flush()
            else:
                stream.close()

    def attempt(self) -> None:
        """Another attempt: what is equal now was listed before."""
        self._attempts += 1
        self._errors.clear()

    def note(self, sign: str, path: str) -> None:
        """List one path."""
        if sign == ERROR:
            self._errors.add(path)
        elif self._outs[sign]:
            self._write(sign, path)

    def planned(self, batch: Batch) -> None:
        if self._matches and self._attempts == 1:
            for name in batch.equal:
                self._write(MATCH, join(batch.path, name))
            for path, _ in batch.kept:
                self._write(MATCH, path)
        for failure in batch.failures:
            self._errors.add(failure.path)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        for action, status, failure, _ in outcomes:
            if status is Status.DONE:
                self._change(action)
            elif status is not Status.SKIPPED:
                self._errors.add(action.path)
            elif failure is not None and failure.trouble is not Trouble.ABSENT:
                self._change(action)  # withheld: it differs still

    @property
    def each(self) -> bool:
        return self.wanted

    def would(self, plan: Plan) -> None:
        """A dry run: the actions as if they had been done."""
        for action in plan.actions:
            self._change(action)

    def _change(self, action: Action) -> None:
        if is_directory(action) or action.path in self._changed:
            return
        sign = _SIGNS[action.verb]
        self._list(sign, action.path)
        if action.verb is Verb.RENAME:
            self._list(ONLY_DESTINATION, action.origin)

    def _list(self, sign: str, path: str) -> None:
        if self._outs[sign]:
            self._changed.add(path)
            self._write(sign, path)

    def _write(self, sign: str, path: str) -> None:
        name = os.fsencode(path)
        mark = b""
        if b"\n" in name:
            mark, name = b"\\", name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        for out in self._outs[sign]:
            out.stream.write(mark + (sign.encode() + b" " if out.signed else b"") + name + b"\n")

    def _open(self, name: str) -> BinaryIO:
        if name not in self._streams:
            try:
                self._streams[name] = sys.stdout.buffer if name == "-" else open(name, "wb")  # noqa: SIM115
            except OSError as error:
                raise SettingError(
                    f"cannot write the report {name}: {error.strerror}", remedy="check the path"
                ) from error
        return self._streams[name]
