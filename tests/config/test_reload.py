"""A run called by its name takes up what changes in its file, and keeps on where that is wrong."""

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Self

import pytest
from config.conftest import Named, Place
from support.process import call, until

pytestmark = pytest.mark.slow

FILE = 'source = "SRC"\ndestination = "DST"\n'


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def replaced(place: Place, text: str) -> None:
    """As an editor does it: another file takes the name."""
    file = place.write("new", text)
    file.rename(place.files / "docs.toml")


class Manager:
    """What a service manager is told; a context manager.

    It reads all the time, as a real one does: the queue has room for ten messages where nobody
    made it longer, and whoever finds it full waits.
    """

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self._told: list[str] = []
        self._reading = threading.Lock()
        self._end, self._over = socket.socketpair()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()
        self._thread.join()
        self._over.close()
        self._socket.close()

    def told(self) -> list[str]:
        """Every line until now that is neither about descriptors nor a sign of life."""
        with self._reading:
            while True:
                try:
                    data, control, _, _ = self._socket.recvmsg(4096, 4096)
                except BlockingIOError:
                    return self._told[:]
                for _, _, rights in control:
                    for at in range(0, len(rights), 4):
                        os.close(int.from_bytes(rights[at : at + 4], "little"))
                lines = data.decode().split("\n")
                self._told += [one for one in lines if not one.startswith(("FD", "WATCHDOG"))]

    def _read(self) -> None:
        while self._over not in select.select([self._socket, self._over], [], [])[0]:
            self.told()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager(tmp_path) as made:
        yield made


def test_good_then_broken_then_good(place: Place, manager: Manager) -> None:
    place.write("docs", FILE + 'exclude = ["*.tmp"]\n')
    with Named("docs", place, NOTIFY_SOCKET=manager.address) as service:
        service.reaches("in sync")
        assert names(place.destination) == {"a.txt"}
        assert "RELOADING=1" not in manager.told()

        # The filter changes: everything is compared. The watch leaves nothing out, as before.
        replaced(place, FILE)
        until(lambda: names(place.destination) == {"a.txt", "b.tmp"}, "the filter is gone")
        service.reaches("in sync")
        assert "the configuration has changed" in service.said()
        assert "watching goes on" in service.said(), "the same watch serves on"
        until(lambda: "READY=1" in _after_reload(manager), "ready")
        assert "STOPPING=1" not in manager.told()

        # Broken, written in place: it is said, and what ran before goes on.
        place.write("docs", FILE + "exclude = [*.tmp]\n")
        until(lambda: "line" in service.status().get("configuration", ""), "it is said")
        assert "what ran before goes on" in service.said()
        (place.source / "c.tmp").write_text("c")
        until(lambda: "c.tmp" in names(place.destination), "the one before is in force")
        wrong = service.status()["configuration"]
        assert wrong.startswith(f"{place.files}/docs.toml, line "), wrong
        assert service.said().count("not taken up") == 1
        (mirror,) = loads(call("status", "--json", state=place.state, code=1).stdout)
        assert mirror["ailments"] == ["its file is wrong"], "it would not start again"
        assert wrong in call("status", state=place.state, code=1).stdout

        # And good again; another option is another comparison, nothing else.
        replaced(place, FILE + 'checksum = true\nexclude = ["*.new"]\n')
        until(lambda: service.status().get("configuration") == "", "it is right again")
        (place.source / "d.new").write_text("d")
        (place.source / "e.txt").write_text("e")
        until(lambda: "e.txt" in names(place.destination), "it goes on")
        assert "d.new" not in names(place.destination)
        service.reaches("in sync")
        assert service.said().count("watching goes on") == 2, "as often as it is asked"

        # What is left out by the watch is another watch, which begins with a comparison.
        replaced(place, FILE + 'exclude = ["*.new", "cache/**"]\n')
        until(lambda: service.said().count("and is taken up") == 3, "again")
        (place.source / "cache").mkdir()
        (place.source / "cache" / "f").write_text("f")
        (place.source / "g.txt").write_text("g")
        until(lambda: "g.txt" in names(place.destination), "the new watch")
        assert "cache" not in names(place.destination)
        service.reaches("in sync")
        assert service.said().count("watching goes on") == 2
        assert service.stop() == 0
    assert "STOPPING=1" in manager.told()


def _after_reload(manager: Manager) -> list[str]:
    told = manager.told()
    return told[told.index("RELOADING=1") :] if "RELOADING=1" in told else []


def test_sighup_is_answered(place: Place, manager: Manager) -> None:
    """Type=notify-reload: each one is told to begin and to end, with the time it began."""
    rules = place.files / "rules"
    rules.write_text("*.tmp\n")
    place.write("docs", FILE + f'exclude-from = "{rules}"\n')
    with Named("docs", place, NOTIFY_SOCKET=manager.address) as service:
        service.reaches("in sync")
        before = time.monotonic_ns() // 1000
        os.kill(service.pid, signal.SIGHUP)
        until(lambda: "it is as it was" in service.said(), "nothing is new")
        until(lambda: "READY=1" in _after_reload(manager), "done")
        (moment,) = [line for line in manager.told() if line.startswith("MONOTONIC_USEC=")]
        assert before <= int(moment.partition("=")[2]) <= time.monotonic_ns() // 1000

        # A file of rules is looked at again, too.
        rules.write_text("")
        os.kill(service.pid, signal.SIGHUP)
        until(lambda: "b.tmp" in names(place.destination), "the rule is gone")

        place.write("docs", "source = 5\n")
        until(lambda: "not taken up" in service.said(), "it is said")
        os.kill(service.pid, signal.SIGHUP)
        until(lambda: manager.told().count("RELOADING=1") == 3, "answered")
        service.reaches("in sync")
        assert service.stop() == 0


def test_what_cannot_begin_leaves_what_ran_before(place: Place) -> None:
    """The file is right, and the mirror it asks for is refused when it opens its places."""
    place.write("docs", FILE)
    inside = place.source / "inside"
    inside.mkdir()
    with Named("docs", place) as service:
        service.reaches("in sync")
        replaced(place, FILE.replace("DST", str(inside)))
        until(lambda: "not taken up" in service.said(), "it is refused")
        (place.source / "new").write_text("n")
        until(lambda: "new" in names(place.destination), "the one before goes on")
        replaced(place, FILE + f'combined = "{inside}"\n')  # a report that cannot be opened
        until(lambda: service.said().count("not taken up") == 2, "it is refused")
        (place.source / "newer").write_text("n")
        until(lambda: "newer" in names(place.destination), "the one before goes on")
        assert names(inside) == set()
        service.reaches("in sync")


def test_destinations_come_and_go(place: Place) -> None:
    """Also where the file is a symlink into another directory."""
    elsewhere = place.files / "elsewhere"
    elsewhere.mkdir()
    place.write("docs", FILE).rename(elsewhere / "docs.toml")
    (place.files / "docs.toml").symlink_to(elsewhere / "docs.toml")
    second = place.destination.with_name("second")
    with Named("docs", place) as service:
        service.reaches("in sync")
        aside = place._replace(files=elsewhere)
        replaced(
            aside,
            'source = "SRC"\n[[destination]]\npath = "DST"\n'
            f'[[destination]]\npath = "{second}"\nexclude = ["*.tmp"]\n',
        )
        until(lambda: names(second) == {"a.txt"}, "another destination")
        replaced(aside, f'source = "SRC"\ndestination = "{second}"\nexclude = ["*.tmp"]\n')
        (place.source / "late").write_text("l")
        until(lambda: "late" in names(second), "it is kept")
        assert service.stop() == 0


def test_a_run_without_a_name_has_nothing_to_read(place: Place) -> None:
    from support.process import Service

    with Service("run", place.source, place.destination, state=place.state) as service:
        service.reaches("in sync")
        os.kill(service.pid, signal.SIGHUP)
        until(lambda: "there is no configuration to read again" in service.said(), "it is said")
        assert service.phase() == "in sync"
