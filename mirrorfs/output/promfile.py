"""--prometheus-file: how mirrors are, for node_exporter's textfile collector.

Law: a reader sees a whole file, everybody may read it, and it lies in no mirrored tree. It is
written anew when something changed, every five seconds at most, and every half minute at least: a
file that is older than that is of a process that was killed. Who ends in order says so in it
(mirrorfs_up 0).
"""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import trio

from mirrorfs.core.record import asdict
from mirrorfs.core.tree import is_within
from mirrorfs.drives import located
from mirrorfs.errors import DriveAway, FatalError, SettingError
from mirrorfs.output.prometheus import text
from mirrorfs.run import Condition, News
from mirrorfs.status.account import NOT_RUNNING, account

PAUSE_SECONDS = 5.0
LONGEST_SECONDS = 30.0
MODE = 0o644

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def refuse_inside(file: str, trees: Iterable[str]) -> None:
    """Raises FatalError for a file inside a tree, SettingError for one that cannot be."""
    above, name = os.path.split(os.path.abspath(file))
    if not os.path.isdir(above) or os.path.isdir(file):
        raise SettingError(f"--prometheus-file {file}: {above} is no directory, or that is one")
    real = os.path.join(os.path.realpath(above), name)
    for tree in trees:
        with suppress(DriveAway):
            if is_within(real, os.path.realpath(located(tree))):
                raise FatalError(
                    f"--prometheus-file {file} lies inside {tree}",
                    remedy="choose a place outside the mirrored trees",
                )


class PrometheusFile:
    """``mirrors``: each with its state directory below ``home``. ``said`` hears, once, that it
    cannot be written."""

    def __init__(
        self,
        file: str,
        mirrors: Sequence[tuple[Condition, str]],
        *,
        home: str,
        news: News,
        said: Callable[[str], None],
    ) -> None:
        self._file = os.path.abspath(file)
        self._mirrors, self._home = mirrors, home
        self._news, self._said = news, said
        self._trouble = ""

    async def keep(self) -> None:
        """Write it until cancelled."""
        while True:
            news = self._news.news
            for condition, _ in self._mirrors:
                condition.look()
            said = [asdict(condition.status) for condition, _ in self._mirrors]
            await trio.to_thread.run_sync(self._write, said, abandon_on_cancel=True)
            await trio.sleep(PAUSE_SECONDS)
            with trio.move_on_after(LONGEST_SECONDS - PAUSE_SECONDS):
                await news.wait()

    def end(self) -> None:
        """Say that they do not run any more."""
        self._write([None] * len(self._mirrors))

    def _write(self, said: Sequence[dict[str, Any] | None]) -> None:
        found = []
        for (condition, place), live in zip(self._mirrors, said, strict=True):
            known = account(place, self._home, live=live or asdict(condition.status))
            if known is not None and live is None:
                known |= {"running": False, "healthy": False, "phase": NOT_RUNNING}
            found.append(known)
        above, name = os.path.split(self._file)
        new = os.path.join(above, f".{name}.new")
        try:
            with suppress(FileNotFoundError):
                os.unlink(new)
            with os.fdopen(os.open(new, _NEW, 0o600), "w", encoding="utf-8") as file:
                file.write(text(mirror for mirror in found if mirror is not None))
                os.fchmod(file.fileno(), MODE)
            os.replace(new, self._file)
            self._trouble = ""
        except OSError as error:
            if self._trouble != (trouble := f"{self._file} cannot be written: {error.strerror}"):
                self._said(trouble)
            self._trouble = trouble
