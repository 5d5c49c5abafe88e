"""Misfortunes on request: calls that fail, files that change while they are read, a root that goes.

Law: without a request nothing ever fails, and a request costs nothing until it is made.
"""

from collections import Counter

from mirrorfs.core.tree import Failure, TreeError, Trouble
from mirrorfs.errors import DirectoryMissing


class Faults:
    """``calls`` counts what was asked of the tree, by the name of the method."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.failing: dict[tuple[str, str], tuple[Trouble, int | None]] = {}
        self._tearing: dict[str, int] = {}
        self._gone = False

    def fail(self, call: str, path: str, trouble: Trouble, times: int | None = 1) -> None:
        """Let ``call`` fail at ``path``, ``times`` times or for ever (None).

        ``call`` is a method of `mirrorfs.trees.base.Destination`, or ``entry`` (one name in a
        listing), or ``content`` (reading a file that could be opened).
        """
        self.failing[call, path] = (trouble, times)

    def tear(self, path: str, times: int = 1) -> None:
        """Let the file change each of the next ``times`` times some of its content is read."""
        self._tearing[path] = times

    def heal(self) -> None:
        """Nothing fails any more."""
        self.failing.clear()
        self._tearing.clear()
        self._gone = False

    def vanish(self) -> None:
        """The root goes away, as a drive does: every call raises DirectoryMissing until `heal`."""
        self._gone = True

    def asked(self, call: str) -> None:
        self.calls[call] += 1
        if self._gone:
            raise DirectoryMissing(
                "the tree in memory was told to vanish", remedy="tell it to heal"
            )

    def refuse(self, call: str, path: str) -> None:
        """Raise the TreeError that was asked for, if one was."""
        if not self.failing or (found := self.failing.get((call, path))) is None:
            return
        trouble, times = found
        if times is not None:
            if times <= 1:
                del self.failing[call, path]
            else:
                self.failing[call, path] = (trouble, times - 1)
        raise TreeError(Failure(path, trouble, f"{call} was told to fail"))

    def tears(self, path: str) -> bool:
        """Whether the file is to change now."""
        if not self._tearing or not (left := self._tearing.get(path, 0)):
            return False
        self._tearing[path] = left - 1
        return True
