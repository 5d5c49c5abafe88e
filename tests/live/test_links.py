"""Files with several names, changed through one of them."""

import os

from live.conftest import Places
from support.process import Service, call, until
from support.walker import leftovers, link_groups


def make(places: Places) -> None:
    """Two names of one file, one far from the other; and one with a name outside."""
    (places.source / "d" / "e").mkdir(parents=True)
    (places.source / "p").write_bytes(b"first")
    os.link(places.source / "p", places.source / "d" / "e" / "q")
    (places.source / "outside").write_bytes(b"first")
    os.link(places.source / "outside", places.state.with_name("elsewhere"))


def test_a_write_through_one_name_shows_under_all(places: Places) -> None:
    source, destination, state = places
    make(places)
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        (source / "p").write_bytes(b"changed through p")
        run.mirrors()
        (source / "d" / "e" / "q").chmod(0o640)
        run.mirrors()
        os.link(source / "d" / "e" / "q", source / "d" / "new")
        (source / "d" / "new").write_bytes(b"changed through new")
        run.mirrors()
        (source / "d" / "e").rename(source / "moved")
        (source / "p").write_bytes(b"changed after a move")
        run.mirrors()
        until(lambda: link_groups(source) == link_groups(destination), "the same hard links")
        (source / "lonely").write_bytes(b"only one name")
        run.mirrors()
        os.link(source / "lonely", source / "d" / "company")
        (source / "d" / "company").write_bytes(b"changed through the second")
        run.mirrors()
        until(lambda: link_groups(source) == link_groups(destination), "the same hard links")
        assert len(link_groups(destination)) == 2
        assert run.stop() == 0
    assert not leftovers(destination)
    assert (destination / "moved" / "q").read_bytes() == b"changed after a move"
    assert (destination / "lonely").read_bytes() == b"changed through the second"


def test_names_are_known_from_one_sync_to_the_next(places: Places) -> None:
    source, destination, state = places
    make(places)
    with Service("watch", source, state=state) as watch:
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        for number, name in enumerate(("p", "d/e/q", "p")):
            (source / name).write_bytes(b"%d" % number)
            done = call("sync", "-a", source, destination, state=state)
            assert "replaying" in done.stderr
            assert "everything is compared" not in done.stderr
            for copy in ("p", "d/e/q"):
                assert (destination / copy).read_bytes() == b"%d" % number
        for file in state.glob("mirrors/*/links"):
            file.unlink()
        (source / "p").write_bytes(b"once more")
        done = call("sync", "-a", source, destination, state=state)
        assert "everything is compared" in done.stderr
        assert (destination / "d" / "e" / "q").read_bytes() == b"once more"
        watch.stop()


def test_names_of_a_symlink_and_of_a_fifo(places: Places) -> None:
    """Made later, and found from the journal; what is set through one shows under the other."""
    source, destination, state = places
    (source / "d").mkdir(parents=True)
    os.symlink("target", source / "link")
    os.mkfifo(source / "fifo")

    def are_one(name: str) -> bool:
        return os.path.samestat((destination / name).lstat(), (destination / "d" / name).lstat())

    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        for name in ("link", "fifo"):
            os.link(source / name, source / "d" / name, follow_symlinks=False)
        run.mirrors()
        until(lambda: are_one("link") and are_one("fifo"), "the same hard links")
        os.utime(source / "d" / "link", ns=(1, 10**18), follow_symlinks=False)
        (source / "d" / "fifo").chmod(0o600)
        run.mirrors()
        assert are_one("link") and are_one("fifo")
        assert run.stop() == 0
