"""What the user wants kept and the destination cannot hold: said once, of the first that has it.

Law: nothing is decided here. That it is not kept follows from the options; that somebody hears of
it, and not once per file and run, is this module's work.
"""

from collections.abc import Callable, Iterator, Mapping

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Notice
from mirrorfs.core.tree import Entry, join

_NONE = "the destination cannot hold them"


class Lost:
    """``asked`` of the user, ``possible`` on the destination; all there belongs to ``owner``
    (None: unknown) where owners cannot be kept."""

    def __init__(self, asked: Options, possible: Options, owner: int | None = None) -> None:
        self._left: list[tuple[str, Callable[[Entry], bool]]] = []
        if asked.owners and not possible.owners:
            why = _NONE if owner is None else "giving files away takes the rights of root"
            self._left.append((f"owners are not kept: {why}", lambda entry: entry.uid != owner))
        if asked.permissions and not possible.permissions:
            self._left.append((f"modes are not kept: {_NONE}", lambda entry: True))
        if asked.xattrs and not possible.xattrs:
            message = f"extended attributes and ACLs are not kept: {_NONE}"
            self._left.append((message, lambda entry: bool(entry.xattrs)))

        self._anyone = asked.permissions and not possible.permissions
        self._anyone |= asked.owners and not possible.owners and owner is None

    @property
    def takes_any(self) -> bool:
        """Whether the next entry will be spoken of, whatever it is."""
        return self._anyone

    def notices(self, directory: str, entries: Mapping[str, Entry]) -> Iterator[Notice]:
        """What was not said yet and concerns one of these entries of the source."""
        self._anyone = self._anyone and not entries
        for lost in list(self._left):
            message, concerns = lost
            for name, entry in entries.items():
                if concerns(entry):
                    self._left.remove(lost)
                    yield Notice(join(directory, name), message)
                    break
