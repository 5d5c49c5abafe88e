"""What the watcher writes down: observations, never operations to repeat.

Law: a change says "look here again", and looking is what decides; so a duplicate or a spurious
change costs one look, and the order within a batch carries no meaning.

On disk a change is a msgpack array whose first item is the type's number and whose paths are
``bin``. Decoding trusts nothing: a record that could name anything outside the root, or is not of
the shape stated here, raises `ChangeRefused`; an unknown type with the ``CRITICAL`` bit is
answered with a gap over the whole root, without it the record is skipped (so that old programs
read new journals).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mirrorfs.core.tree import Identity, is_safe

_new = tuple.__new__
CRITICAL = 0x40
MAX_KIND = 0x80
MAX_TEXT = 4096


class ChangeRefused(ValueError):
    """A record has not the shape of a change, or names a path outside the root."""


class Dirty(NamedTuple):
    """The entry at ``path`` may differ from what was seen before; ``recursive``: everything below
    too.
    """

    path: str
    recursive: bool = False


class Moved(NamedTuple):
    """The entry at ``origin`` was renamed to ``path``: only a hint that the destination may do
    the same.
    """

    origin: str
    path: str


class Gap(NamedTuple):
    """Changes at or below ``path`` may have gone unseen (overflow, lost watch, restart, …)."""

    path: str
    reason: str


class Epoch(NamedTuple):
    """A watcher began. Unless ``continued``, nobody watched since the record before this one.

    ``boot`` is the kernel's boot id, ``root`` the source's identity, ``backend`` how events are
    had, ``started_ns`` wall-clock time in nanoseconds.
    """

    boot: str
    root: Identity
    backend: str
    started_ns: int
    continued: bool = False


class Ready(NamedTuple):
    """Every watch is set: from here on all changes are recorded."""


class Coverage(NamedTuple):
    """How well ``path`` and what lies below is covered: ``state`` is watched, polled or blind."""

    path: str
    state: str
    reason: str


class Cookie(NamedTuple):
    """A barrier: every change made before the cookie was laid stands before this record."""

    nonce: str


class Clean(NamedTuple):
    """The watcher ended in order, with its queue drained."""


Change = Dirty | Moved | Gap | Epoch | Ready | Coverage | Cookie | Clean


def encode(change: Change) -> list[Any]:
    """The msgpack-able record of a change."""
    match change:
        case Dirty(path, recursive):
            return [1, _raw(path), recursive]
        case Moved(origin, path):
            return [2, _raw(origin), _raw(path)]
        case Gap(path, reason):
            return [CRITICAL | 3, _raw(path), reason]
        case Epoch(boot, root, backend, started_ns, continued):
            return [CRITICAL | 4, boot, list(root), backend, started_ns, continued]
        case Ready():
            return [5]
        case Coverage(path, state, reason):
            return [6, _raw(path), state, reason]
        case Cookie(nonce):
            return [7, nonce]
        case Clean():
            return [8]


def decode(record: object) -> Change | None:
    """The change a record stands for; ``None`` for an unknown kind that may be skipped.

    Raises ChangeRefused.
    """
    if not isinstance(record, (list, tuple)) or not record or type(record[0]) is not int:
        raise ChangeRefused(f"not a change: {_shown(record)}")
    number, *fields = record
    build = _DECODERS.get(number)
    if build is None:
        if not 0 <= number < MAX_KIND:
            raise ChangeRefused(f"not a kind of change: {_shown(record)}")
        if number & CRITICAL:
            return Gap("", f"a newer mirrorfs wrote a record of kind {number}")
        return None
    try:
        return build(*fields)
    except (TypeError, ValueError) as error:
        raise ChangeRefused(f"not a change of kind {number}: {_shown(record)} ({error})") from error


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _path(raw: object) -> str:
    if type(raw) is not bytes:
        raise ValueError("a path is not bytes")
    path = raw.decode("utf-8", "surrogateescape")
    if not is_safe(path):
        raise ValueError("a path leaves the root")
    return path


def _text(value: object) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ValueError("a text is missing or too long")
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("a flag is not a boolean")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise ValueError("a number is not an integer")
    return value


def _dirty(path: object, recursive: object) -> Dirty:
    return _new(Dirty, (_path(path), _flag(recursive)))


def _moved(origin: object, path: object) -> Moved:
    if not origin or not path:
        raise ValueError("the root cannot be moved")
    return _new(Moved, (_path(origin), _path(path)))


def _gap(path: object, reason: object) -> Gap:
    return Gap(_path(path), _text(reason))


def _epoch(
    boot: object, root: object, backend: object, started: object, continued: object
) -> Epoch:
    if not isinstance(root, Sequence) or isinstance(root, (str, bytes)) or len(root) != 4:
        raise ValueError("an identity has four fields")
    identity = Identity(_text(root[0]), _text(root[1]), _number(root[2]), _number(root[3]))
    return Epoch(_text(boot), identity, _text(backend), _number(started), _flag(continued))


def _coverage(path: object, state: object, reason: object) -> Coverage:
    return Coverage(_path(path), _text(state), _text(reason))


_DECODERS: dict[int, Callable[..., Change]] = {
    1: _dirty,
    2: _moved,
    CRITICAL | 3: _gap,
    CRITICAL | 4: _epoch,
    5: Ready,
    6: _coverage,
    7: lambda nonce: Cookie(_text(nonce)),
    8: Clean,
}


def _shown(record: object) -> str:
    """A glance at a record of any size and depth."""
    if isinstance(record, (list, tuple)):
        return f"[{', '.join(_glance(item) for item in record[:6])}]"
    return _glance(record)


def _glance(item: object) -> str:
    if isinstance(item, (str, bytes)):
        return ascii(item[:40])
    if isinstance(item, (bool, float)) or (isinstance(item, int) and item.bit_length() <= 64):
        return ascii(item)
    return type(item).__name__
