"""`status --watch`: on the whole screen of a terminal; elsewhere a line whenever something changes.

Law: imported where somebody watches, and never else: it draws with rich.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from mirrorfs.cli.log import as_text
from mirrorfs.cli.voice import print_out
from mirrorfs.errors import MirrorError
from mirrorfs.history import Wanted, newest_first
from mirrorfs.output.escape import printable
from mirrorfs.service.client import ask
from mirrorfs.state import State
from mirrorfs.status.account import Account

Look = Callable[[], Sequence[Account]]

LOOK_SECONDS = 1.0
DONE = {"sync-now": "it syncs now", "pause": "paused", "resume": "it goes on"}


def watch(state: State, look: Look) -> Sequence[Account]:
    """Until somebody ends it; the mirrors as they were last."""
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from mirrorfs.output.screen import Screen

        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")
        return Screen(_Mirrors(state, look))()
    told: dict[str, str] = {}
    while True:
        for mirror in look():
            line = _line(mirror)
            if told.get(mirror["name"]) != line:
                told[mirror["name"]] = line
                print_out(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n", flush=True)
        # What is told changes with time alone, too: how far a mirror is behind, who has died.
        time.sleep(LOOK_SECONDS)


class _Mirrors:
    """See `mirrorfs.output.screen.Mirrors`."""

    def __init__(self, state: State, look: Look) -> None:
        self._state = state
        self.look = look

    def ask(self, mirror: Account, what: str) -> str:
        try:
            ask(self._place(mirror), what, within=10.0)
        except MirrorError as error:
            return str(error)
        return DONE[what]

    def recent(self, mirror: Account, most: int) -> Iterable[str]:
        records = newest_first(self._place(mirror), Wanted())
        for record in islice(records, most):
            yield as_text(record, "", several=False).rstrip("\n")

    def _place(self, mirror: Account) -> str:
        return os.path.join(self._state.home, "mirrors", mirror["name"])


def _line(mirror: Account) -> str:
    """What of a mirror is worth a line when it changes."""
    said = str(mirror["phase"])
    if mirror.get("why"):
        said += f": {mirror['why']}"
    if mirror.get("owed_count"):
        said += f"; {mirror['owed_count']:,} owed"
    return f"{printable(mirror['destination'])}: {printable(said)}"
