"""Show what was mirrored, and when: the newest last.

MIRROR is a name that `status` shows, a source or a destination; without it all mirrors are shown.
PATH is a file or a directory of it: absolute, in the source or the destination, or relative to
them. PATH alone finds its mirrors by itself. A path that goes on to fail is told of once.
"""

import heapq
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.lookup import lookup, places_of
from mirrorfs.cli.voice import print_out
from mirrorfs.core import carry
from mirrorfs.core.tree import is_below
from mirrorfs.core.values import Age, format_size
from mirrorfs.drives import located, name
from mirrorfs.errors import ExitCode, MirrorError, UsageError
from mirrorfs.history import Record, Wanted, follow, newest_first
from mirrorfs.history.record import DONE, EVENTS
from mirrorfs.output.escape import printable
from mirrorfs.state import State

LOOK_SECONDS = 0.25

Shown = tuple[Record, str]  # and the mirror's name


def run(call: Call) -> int:
    flags = call.flags.looking
    now = time.time_ns()
    since, until = _moment(flags.since, now), _moment(flags.until, now)
    chosen = [
        (place, Wanted(since, until, path))
        for place, path in _chosen(State.find(call.flags.state.state_dir), call.places)
    ]
    # Before what there is: nothing that comes meanwhile is missed, it may be there twice.
    coming = [(place, follow(place, wanted)) for place, wanted in chosen if flags.follow]
    for _, news in coming:
        next(news)
    whole = (since is not None or until is not None) and "lines" not in call.flags.given
    found = heapq.merge(
        *(_named(place, newest_first(place, wanted)) for place, wanted in chosen),
        key=lambda shown: -shown[0].at_ns,
    )
    several = len(chosen) > 1
    show = _as_json if call.flags.logging.json else as_text
    for record, called in reversed([*islice(found, None if whole else flags.lines)]):
        print_out(show(record, called, several))
    while flags.follow:
        for place, news in coming:
            for record, called in _named(place, next(news)):
                print_out(show(record, called, several))
        print_out("", flush=True)
        # For people, and over several directories some of which may not be there yet.
        time.sleep(LOOK_SECONDS)
    return ExitCode.OK


def _moment(age: Age | None, now: int) -> int | None:
    return None if age is None else age.cutoff(now)


def _named(place: str, records: Iterable[Record]) -> Iterator[Shown]:
    called = os.path.basename(place)
    return ((record, called) for record in records)


def _chosen(state: State, words: list[str]) -> list[tuple[str, str | None]]:
    """The state directories of the mirrors that are meant, and the path in each. Raises
    UsageError, StateError."""
    if not words:
        return [(place, None) for place in state.mirrors()]
    mirrors = _mirrors(state, words[0])
    if len(words) == 1:
        return [(place, None) for place in mirrors] or _holding(state.mirrors(), words[0])
    if not mirrors:
        raise UsageError(
            f"no mirror is known by {words[0]}", remedy="`mirrorfs status` lists mirrors"
        )
    if os.path.isabs(words[1]):
        return _holding(mirrors, words[1])
    path = os.path.normpath(words[1])
    return [(place, "" if path == "." else path) for place in mirrors]


def _mirrors(state: State, word: str) -> list[str]:
    with suppress(UsageError):
        return [lookup(state, word)]
    meant = name(word)
    return [place for place in state.mirrors() if meant in map(name, places_of(place) or ())]


def _holding(mirrors: list[str], word: str) -> list[tuple[str, str | None]]:
    """The mirrors in whose source or destination a path lies. Raises UsageError."""
    found = [(place, _within(word, place)) for place in mirrors]
    found = [(place, path) for place, path in found if path is not None]
    if not found:
        raise UsageError(
            f"{word} is neither a mirror nor a path in one",
            remedy="`mirrorfs status` lists mirrors; another --state-dir has others",
        )
    return found


def _within(word: str, place: str) -> str | None:
    """The path in a mirror, which need not exist any more."""
    above, last = os.path.split(os.path.normpath(os.path.abspath(word)))
    real = os.path.join(os.path.realpath(above), last)
    for known in places_of(place) or ():
        with suppress(MirrorError):  # its drive is away
            root = os.path.realpath(located(known))
            if real == root:
                return ""
            if is_below(real, root):
                return os.path.relpath(real, root)
    return None


def as_text(record: Record, called: str, several: bool) -> str:
    """A line for people, with its end."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.at_ns / 1e9))
    head = f"{moment}  {called + '  ' if several else ''}"
    why = printable(record.why)
    if record.verb in EVENTS:
        return f"{head}{printable(record.verb):<11} {why}".rstrip() + "\n"
    path = printable(record.path or ".")
    if record.origin:
        path = f"{printable(record.origin)} -> {path}"
    if record.outcome == DONE:
        verb, note = record.verb, why
        if record.bytes:
            note = f"{format_size(record.bytes, 'B')}, {why}"
    else:
        verb, note = record.outcome, f"{printable(record.verb)}: {why}"
    return f"{head}{printable(verb):<11} {path}  ({note})\n"


def _as_json(record: Record, called: str, _: bool) -> str:
    said = {"mirror": called, **record._asdict()}
    if record.verb in EVENTS:
        for field in ("path", "origin", "bytes", "outcome"):
            del said[field]
    elif not record.origin:
        del said["origin"]
    return carry.dumps(said) + "\n"
