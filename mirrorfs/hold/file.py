"""The file of a held plan, in the mirror's state directory.

Law: nothing is carried out from it. A file that is not exactly what `HoldFile.store` wrote is
refused as a whole.

    held       =  "mirrorfs-held 1\\n"  frame(header)  frame(action)...  frame(end)
    frame(x)   =  length of x (u32, little endian)  crc32 of x (u32)  x in msgpack
    header     =  a map: the fields of `Held`
    action     =  [verb, stage, path, want, expect, reason, origin]; an entry is the array of its
                  fields, or nil
    end        =  the number of actions

It is written and read action by action, so that a plan of any length needs no second copy of
itself in memory. Drawback: a plan of a million actions takes 200 MB of disk.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Any
from zlib import crc32

from journal import JournalError, files
from mirrorfs.core.approval import Touch, identify, touches
from mirrorfs.core.plan import Action, Stage, Totals, Verb
from mirrorfs.core.record import asdict, replace
from mirrorfs.core.tree import Entry, Identity, Kind, is_safe
from mirrorfs.errors import StateError, TemporaryError, UsageError
from mirrorfs.hold.held import Held, Recipe

NAME = "held"
_MAGIC = b"mirrorfs-held 1\n"
_HEAD = struct.Struct("<II")
MAX_FRAME = 64 << 20
_BUFFER = 1 << 20
_64_BITS = range(-(1 << 63), 1 << 64)


class HoldFile:
    """The kept plan of one mirror. One process at a time changes it, any number may read."""

    def __init__(self, directory: str) -> None:
        self._directory, self.path = directory, os.path.join(directory, NAME)

    def load(self) -> Held | None:
        """The header; ``None`` when no plan is kept. Raises StateError for anything else than what
        `store` writes."""
        file = self._open()
        if file is None:
            return None
        with file:
            return self._header(file)

    def actions(self) -> Iterator[Action]:
        """Every action of the kept plan, of a discarded one none. Raises StateError, before or
        after some actions were given."""
        file = self._open()
        if file is None:
            return
        with file:
            self._header(file)
            count = 0
            while not isinstance(value := self._frame(file), int):
                yield self._checked(_action, value)
                count += 1
            if value != count or file.read(1):
                raise self._damaged(f"it holds {count} actions and speaks of {value}")

    def touched(self, held: Held) -> frozenset[Touch]:
        """What the kept plan takes away, all of it verified. Raises StateError."""
        found = frozenset(touches(self.actions()))
        if identify(found) != held.digest:
            raise self._damaged("its actions are not those it was kept for")
        return found

    def kept(self, plan: str) -> Held:
        """The kept plan, if that is its id. Raises UsageError, StateError."""
        held = self.load()
        if held is None or held.id != plan:
            other = f"; {held.id} is" if held is not None and not held.discarded else ""
            raise UsageError(
                f"no plan {plan} is held for this mirror{other}", remedy="see `mirrorfs status`"
            )
        if held.discarded:
            raise UsageError(
                f"the plan {plan} was discarded",
                remedy="`mirrorfs sync` makes it again, if it is still what there is to do",
            )
        return held

    def store(self, held: Held, actions: Iterable[Action]) -> None:
        """Replace what is kept, durably. Raises StateError, TemporaryError."""

        def fill(fd: int) -> None:
            with open(os.dup(fd), "wb", buffering=_BUFFER) as file:
                file.write(_MAGIC)
                recipe = held.recipe and asdict(held.recipe)
                _put(file, {**asdict(held), "totals": list(held.totals), "recipe": recipe})
                count = 0
                for action in actions:
                    _put(file, _record(action))
                    count += 1
                _put(file, count)

        try:
            with files.opened(self._directory) as directory:
                os.close(files.create(directory, NAME, fill))
        except JournalError as error:
            raise self._foreign(error) from error
        except (OSError, ValueError, OverflowError) as error:
            raise TemporaryError(
                f"the refused plan cannot be kept: {error}",
                remedy="give the state directory's disk some room",
            ) from error

    def discard(self, plan: str) -> None:
        """Give the kept plan up, if that is its id. For a service that is remembered: it would make
        the same plan again at once. Raises UsageError, StateError, TemporaryError."""
        held = self.kept(plan)
        if held.recipe is not None and held.recipe.command == "run":
            self.store(replace(held, discarded=True), ())
        else:
            self.remove()

    def remove(self) -> None:
        """Keep nothing any more; and no directory, if that was all there was."""
        with suppress(OSError):
            os.unlink(self.path)
            os.rmdir(self._directory)

    def _open(self) -> IO[bytes] | None:
        try:
            with files.opened(self._directory) as directory:
                return open(files.open_file(directory, NAME), "rb", buffering=_BUFFER)
        except FileNotFoundError:
            return None
        except (JournalError, OSError) as error:
            raise self._foreign(error) from error

    def _header(self, file: IO[bytes]) -> Held:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise self._damaged("it does not begin like one")
        held: Held = self._checked(_held, self._frame(file))
        return held

    def _frame(self, file: IO[bytes]) -> Any:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise self._damaged("it ends too early")
        length, checksum = _HEAD.unpack(head)
        if length > MAX_FRAME or len(payload := file.read(length)) < length:
            raise self._damaged("a part of it is missing")
        if crc32(payload) != checksum:
            raise self._damaged("a checksum is wrong")
        return self._checked(_unpacked, payload)

    def _checked(self, build: Any, value: Any) -> Any:
        try:
            return build(value)
        except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise self._damaged(f"it holds something else: {error!a}") from error

    def _damaged(self, why: str) -> StateError:
        return StateError(
            f"{self.path} is not a plan that was kept: {why}",
            remedy="`mirrorfs discard` removes it",
        )

    def _foreign(self, error: Exception) -> StateError:
        return StateError(str(error), remedy="run as the user whose mirror this is")


def _put(file: IO[bytes], value: object) -> None:
    import msgpack  # type: ignore[import-untyped]

    payload = msgpack.packb(value, unicode_errors="surrogateescape")
    if len(payload) > MAX_FRAME:
        raise ValueError("a part of it is too large")
    file.write(_HEAD.pack(len(payload), crc32(payload)) + payload)


def _unpacked(payload: bytes) -> Any:
    import msgpack

    try:
        return msgpack.unpackb(
            payload, use_list=False, unicode_errors="surrogateescape", max_ext_len=0
        )
    except msgpack.UnpackException as error:
        raise ValueError(str(error)) from error


def _record(action: Action) -> list[object]:
    want, expect = _entry_record(action.want), _entry_record(action.expect)
    verb, stage = action.verb.value, int(action.stage)
    return [verb, stage, action.path, want, expect, action.reason, action.origin]


def _entry_record(entry: Entry | None) -> list[object] | None:
    """Times far off do not fit into what msgpack calls a number."""
    if entry is None:
        return None
    return [
        str(value) if isinstance(value, int) and value not in _64_BITS else value
        for value in (int(entry.kind), *entry[1:])
    ]


def _action(record: Any) -> Action:
    verb, stage, path, want, expect, reason, origin = record
    for text in (path, reason, origin):
        if type(text) is not str:
            raise ValueError("a text is missing")
    if not is_safe(path) or not is_safe(origin):
        raise ValueError("a path leaves the root")
    return Action(Verb(verb), Stage(stage), path, _entry(want), _entry(expect), reason, origin)


def _entry(record: Any) -> Entry | None:
    if record is None:
        return None
    kind, size, mtime, mode, uid, gid, target, *numbers, xattrs = record
    if type(target) is not str or len(numbers) != 6:
        raise ValueError("not an entry")
    if xattrs is not None:
        xattrs = tuple((str(name), bytes(value)) for name, value in xattrs)
    first = map(int, (size, mtime, mode, uid, gid))
    fields: list[Any] = [*first, target, *map(int, numbers), xattrs]
    return Entry(Kind(kind), *fields)


def _held(stored: Any) -> Held:
    source, destination = map(str, stored["places"])
    recipe = stored["recipe"]
    digest = str(stored["digest"])
    if len(digest) != 32 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError("not an id")
    return Held(
        digest,
        str(stored["danger"]),
        str(stored["message"]),
        Totals(*map(int, stored["totals"])),
        int(stored["at_ns"]),
        (source, destination),
        Identity(*stored["source"]),
        Identity(*stored["destination"]),
        str(stored["fingerprint"]),
        str(stored["why"]),
        int(stored["entries"]),
        int(stored["gone"]),
        None if recipe is None else _recipe(recipe),
        bool(stored["discarded"]),
    )


def _recipe(stored: Any) -> Recipe:
    return Recipe(
        str(stored["command"]),
        tuple(map(str, stored["words"])),
        str(stored["directory"]),
        tuple((str(flag), str(file), str(text)) for flag, file, text in stored["texts"]),
        int(stored["now_ns"]),
        int(stored["draw"]),
    )
