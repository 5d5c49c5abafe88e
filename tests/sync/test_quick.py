"""The quick check: with it, in Python or in C, a walk decides what it decides without it."""

import importlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.mirroring import ARCHIVE, MARKED, PLAIN, WITHOUT_A, WITHOUT_TMP
from support.planting import SECOND, Thing, plant

from mirrorfs.core.filter import EVERYTHING, Filter, FilterOptions
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.options import Links, Options
from mirrorfs.core.quick import Quick, Terms, terms
from mirrorfs.core.scope import Scope
from mirrorfs.sync.settings import Settings
from mirrorfs.sync.sync import Pass
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.local import quick as room
from mirrorfs.trees.local.quick import plain

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def native():
    """The compiled one, which an installation where there was a compiler has."""
    if room.compiled() is None:
        subprocess.run([sys.executable, ROOT / ".ci/compile.py"], check=True, capture_output=True)
        importlib.invalidate_caches()
    from mirrorfs.trees.local.native.compiled import look

    return look


# ---- random pairs of trees ----------------------------------------------------------------

NAMES = [
    b"a", b"a-b", b"b.tmp", b"c", b"d", b"e", b"\xff\xfe", "é".encode(), "e\u0301".encode(), b"A",
    b".mirrorfs-00000000-00000000.tmp", b".mirrorfs-00000000-1", b" ", b"new\nline",
]  # fmt: skip
PLACES = [b"", b"d", b"d/a", b"e", b"a"]
FILE = Thing()
THINGS = [
    FILE,
    Thing(what=4),
    Thing(time=5 * SECOND + 1),
    Thing(time=6 * SECOND),
    Thing(mode=0o600),
    Thing(xattr=b"1"),
    Thing(xattr=b"2"),
    Thing("link", b"a"),
    Thing("directory", mode=0o755),
    Thing("fifo"),
    Thing("hard", b"a"),
    None,
]
things = st.sampled_from(THINGS)
pairs = st.one_of(
    things.map(lambda one: (one, one)), st.just((FILE, FILE)), st.tuples(things, things)
)
plots = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES), pairs), max_size=25)

SAME = (FILE, FILE)
# One letter in three ways: the first is no candidate for the third, as it has its like.
SPELLINGS = [
    (b"d", "\u00c5".encode(), SAME),
    (b"d", "\u212b".encode(), (FILE, None)),
    (b"d", "A\u030a".encode(), (None, FILE)),
]
OPTIONS = [
    PLAIN,
    ARCHIVE,
    Options(links=Links.KEEP, permissions=True, specials=True),
    Options(links=Links.FOLLOW, permissions=True),
    Options(size_only=True),
    Options(ignore_times=True),
    Options(checksum=True),
    Options(update=True, permissions=True),
    Options(ignore_existing=True),
    Options(immutable=True),
    Options(ignore_size=True, owners=True),
    Options(modify_window_ns=SECOND, hard_links=True),
    Options(delete_excluded=True),
    Options(delete=False, xattrs=True),
    Options(normalise_names=True),
    Options(fold_names=True),
    Options(access_times=True),
    Options(times=False, directory_times=False, empty_directories=True, one_file_system=True),
]
FILTERS = [
    EVERYTHING,
    WITHOUT_TMP,
    WITHOUT_A,
    MARKED,
    Filter.build(FilterOptions(min_size=4)),
    Filter.build(FilterOptions(max_depth=1)),
]


def make(root: Path, plot, side: int) -> None:
    """One side of the pairs."""
    things = [(place, name, pair[side]) for place, name, pair in plot if pair[side] is not None]
    plant(os.fsencode(root), things)


def walked(places, opts, filter, look):
    """All that a walk tells, and what it remembers."""
    names, heard = LinkedNames(), []
    with (
        LocalTree(places[0], opts) as source,
        LocalTree(places[1], opts, writable=True, fsync="never") as destination,
    ):
        source.quick = partial(_quick, source, look)
        both = Pass(
            source, destination, options=opts, filter=filter, settings=Settings(), names=names
        )
        plan = both.plan(
            Scope.everything(),
            heard=lambda batch: heard.append(
                (batch.path, sorted(batch.equal), batch.source_entries, batch.destination_entries)
            ),
        )
        actions = [
            action._replace(want=_unread(action.want), expect=_unread(action.expect))
            for action in plan.actions
        ]
        plan = plan._replace(actions=tuple(actions))
        return plan, heard, dict(names.groups()), destination.unswept()


def _unread(entry):
    """Without the time of the last look: reading where a link points to sets it."""
    return None if entry is None else entry._replace(atime_ns=0)


def _quick(source, look, destination, agreed):
    if look is None:
        return None
    check = room.QuickCheck(source, destination, agreed)
    check._look = look
    return check.look


@given(plot=plots, opts=st.sampled_from(OPTIONS), filter=st.sampled_from(FILTERS))
@example([(b"d", b"a", SAME), (b"d", b"b.tmp", SAME)], PLAIN, WITHOUT_TMP)
@example([(b"d", b"b.tmp", SAME)], Options(delete_excluded=True), WITHOUT_TMP)
@example(SPELLINGS, Options(normalise_names=True), EVERYTHING)
def test_the_same_is_decided_with_and_without(native, plot, opts, filter):
    with tempfile.TemporaryDirectory() as top:
        places = [Path(top, "source"), Path(top, "destination")]
        for side, place in enumerate(places):
            make(place, plot, side)
        wanted = walked(places, opts, filter, None)
        assert walked(places, opts, filter, partial(plain.look, most=100)) == wanted
        assert walked(places, opts, filter, partial(native, threads=2, most=100)) == wanted


def test_each_directory_is_asked_for_once(tmp_path: Path) -> None:
    """However many are next to each other, and below each other."""
    places = [tmp_path / "source", tmp_path / "destination"]
    below = [f"{one}/{two}/{three}" for one in range(5) for two in range(5) for three in range(5)]
    for place in places:
        for path in below:
            (place / path).mkdir(parents=True)
            os.utime(_touched(place / path / "file"), ns=(1, 1))
    asked: list[str] = []

    def counting(one: int, other: int, names, agreed, bounds):
        answers = plain.look(one, other, names, agreed, bounds, most=20)
        asked.extend(f"{os.readlink(f'/proc/self/fd/{one}')}/{name}" for name in names)
        del asked[len(asked) - len(names) + len(answers) :]
        return answers

    walked(places, PLAIN, EVERYTHING, counting)
    assert len(asked) == len(set(asked)) == sum(1 for _ in os.walk(places[0]))


# ---- the two that answer, side by side -----------------------------------------------------


@pytest.fixture
def two(tmp_path: Path):
    """Two empty directories, and descriptors of them."""
    places = tmp_path / "one", tmp_path / "other"
    for place in places:
        place.mkdir()
    descriptors = [os.open(place, os.O_RDONLY | os.O_DIRECTORY) for place in places]
    yield places, descriptors
    for descriptor in descriptors:
        os.close(descriptor)


STRICT = Terms(mode=True, owner=True, xattrs=True)
OURS = ".ours-"  # how our temporaries begin


def told(look, one, other, names, agreed, **most) -> list[Quick | None]:
    """What is answered, its names made."""
    devices = os.fstat(one).st_dev, os.fstat(other).st_dev
    answers = look(
        *(one, other, names, agreed, plain.Bounds(OURS, devices, (agreed.xattrs,) * 2)), **most
    )
    for answer in answers:
        assert answer is None or len(answer.equal) == len([*answer.equal])
    return [answer and answer._replace(equal=[*answer.equal]) for answer in answers]


FIELDS = {
    "window_ns": [1, 2, SECOND, 1 << 70],
    "mode": [False, True],
    "owner": [False, True],
    "xattrs": [False, True],
    "uid": [-1, 0, 4711],
}


def differences(places) -> list[str]:
    """One file for each way in which two can differ; the rest are alike. Their names."""

    def write(name, side, *, size=3, ns=5 * SECOND, mode=0o644, owner=(0, 0), xattrs=()):
        path = places[side] / name
        path.write_bytes(b"x" * size)
        os.chown(path, *owner)
        path.chmod(mode)
        for key, value in xattrs:
            os.setxattr(path, key, value)
        os.utime(path, ns=(ns, ns))

    ways = {
        "alike": {},
        "size": {"size": 4},
        "a nanosecond": {"ns": 5 * SECOND + 1},
        "a second": {"ns": 6 * SECOND},
        "a year before the epoch": {"ns": -(10**7) * SECOND},
        "mode": {"mode": 0o4644},
        "user": {"owner": (4711, 0)},
        "group": {"owner": (0, 4711)},
        "xattr": {"xattrs": (("user.a", b"1"),)},
    }
    for name, way in ways.items():
        write(name, 0)
        write(name, 1, **way)
        write(f"{name}, turned", 0, **way)
        write(f"{name}, turned", 1)
    for side, value in enumerate((b"1", b"2")):
        write("xattrs of one kind", side, xattrs=(("user.a", b"1"), ("user.b", b"")))
        write("xattrs of two values", side, xattrs=(("user.a", value),))
        write("a second name", side)
        os.link(places[side] / "a second name", places[side] / "of one file")
        write("only one has a second name", side)
        os.symlink("alike", places[side] / "link")
        (places[side] / "directory").mkdir()
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(os.fspath(places[side] / "socket"))
        write(f"only on side {side}", side)
    os.link(places[1] / "only one has a second name", places[1] / "second")
    (places[0] / "kinds").mkdir()
    write("kinds", 1)
    return sorted({*os.listdir(places[0]), *os.listdir(places[1])})


@pytest.mark.root
def test_each_difference_is_seen_by_both(native, two) -> None:
    places, (one, other) = two
    names = differences(places)
    for field, values in FIELDS.items():
        for base in (Terms(), STRICT):
            for value in values:
                agreed = base._replace(**{field: value})
                (wanted,) = told(plain.look, one, other, ["."], agreed, most=1)
                assert wanted is not None
                assert wanted.fresh == ["only on side 0"]
                told_of = [*wanted.equal, *wanted.fresh, *wanted.rest, *wanted.theirs]
                assert sorted(told_of) == names
                assert wanted.theirs.keys() == wanted.ours.keys() == {"directory"}
                for threads in (1, 3):
                    answer = told(native, one, other, ["."], agreed, threads=threads, most=1)
                    assert answer == [wanted], agreed
    (strictly,) = told(plain.look, one, other, ["."], STRICT, most=1)
    assert strictly == strictly._replace(equal=["alike", "alike, turned", "xattrs of one kind"])


@pytest.mark.slow
def test_large_directories_and_many_of_them(native, two) -> None:
    """More than one thread takes at a time, and more than one call answers."""
    places, (one, other) = two
    many = [f"d{number:03}" for number in range(150)]
    for place in places:
        for number, name in enumerate(many):
            (place / name).mkdir()
            for file in range(number % 7 * 5):
                os.utime(
                    _touched(place / name / str(file)),
                    ns=(1, file + (place is places[1] and file == 3)),
                )
        (place / "large").mkdir()
        for file in range(4200):
            os.utime(_touched(place / "large" / str(file)), ns=(1, 1))
    os.utime(places[0] / "large" / "4199", ns=(1, 2))
    os.unlink(places[1] / "large" / "0")
    (large,) = told(native, one, other, ["large"], Terms(), threads=2, most=1)
    assert (large.fresh, large.rest) == (["0"], ["4199"])
    assert len(large.equal) == 4198
    names = [*many, "large", "not there"]
    wanted = told(plain.look, one, other, names, Terms(), most=10**6)
    assert len(wanted) == len(names)
    assert wanted[-1] is None
    for threads in (1, 2, 4, 9):
        for most in (1, 1000, 10**6):
            answers = []
            while len(answers) < len(names):
                more = told(
                    native, one, other, names[len(answers) :], Terms(), threads=threads, most=most
                )
                assert more
                answers += more
            assert answers == wanted


def _touched(path: Path) -> Path:
    path.touch()
    return path


def test_what_cannot_be_looked_at_is_not_known(native, two, tmp_path: Path) -> None:
    places, (one, other) = two
    (places[0] / "file").touch()
    (places[1] / "file").touch()
    for place in places:
        os.symlink(tmp_path, place / "link")
    (places[0] / "half").mkdir()
    names = ["file", "link", "half", "nothing", "null\0byte"]
    for look in (partial(plain.look, most=9), partial(native, threads=2, most=9)):
        for name in names:
            assert list(told(look, one, other, [name], Terms())) in ([None], []), name
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(one)  # the first number that is free
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))  # room for one of two
        try:
            assert list(told(look, one, other, ["."], Terms())) == [None]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        (found,) = told(look, one, other, ["."], Terms())
        assert found is not None


@pytest.mark.root
def test_directories_on_both_sides_are_told_as_they_are_read(native, two) -> None:
    """But not what stands on another file system, has extended attributes, or is no directory."""
    places, (one, other) = two
    for place in places:
        for name in ("both", "xattr", "mount", "link", "file"):
            (place / name).mkdir()
    os.setxattr(places[1] / "xattr", "user.a", b"1")
    (places[0] / "link").rmdir()
    (places[0] / "link").symlink_to("both")
    (places[1] / "file").rmdir()
    (places[1] / "file").touch()
    (places[0] / "only").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", places[1] / "mount"], check=True)
    try:
        for look in (partial(plain.look, most=99), partial(native, threads=2, most=99)):
            for terms_, names in ((STRICT, ["both"]), (Terms(), ["both", "xattr"])):
                (found,) = told(look, one, other, ["."], terms_)
                assert found is not None
                assert sorted(found.theirs) == sorted(found.ours) == names
                rest = {"both", "xattr", "mount", "link", "file", "only"}.difference(names)
                assert found.rest == sorted(rest)
                assert not found.equal
                opts = ARCHIVE if terms_ is STRICT else PLAIN
                for place, entries in zip(places, (found.theirs, found.ours), strict=True):
                    with LocalTree(place, opts) as tree:
                        assert tree.read("", names).entries == entries
    finally:
        subprocess.run(["umount", places[1] / "mount"], check=True)


def test_where_something_of_ours_is_left_nothing_is_told(native, two) -> None:
    places, (one, other) = two
    for name in ("neither", "source", "destination"):
        for place in places:
            (place / name).mkdir()
            os.utime(_touched(place / name / ".ours"), ns=(1, 1))
    (places[0] / "source" / ".ours-1").touch()
    (places[1] / "destination" / ".ours-").touch()
    for look in (partial(plain.look, most=99), partial(native, threads=2, most=99)):
        names = ["neither", "source", "destination"]
        assert told(look, one, other, names, Terms()) == [
            Quick([".ours"], [], [], {}, {}),
            None,
            None,
        ]


def test_names_that_come_and_go_meanwhile_do_no_harm(native, two) -> None:
    places, (one, other) = two
    stays = {f"stays {number}" for number in range(300)}
    for place in places:
        for name in stays:
            os.utime(_touched(place / name), ns=(1, 1))
    ended = threading.Event()

    def move() -> None:
        number = 0
        (places[0] / "moves 0").touch()
        while not ended.is_set():
            os.rename(places[0] / f"moves {number}", places[0] / f"moves {number + 1}")
            number += 1

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for _ in range(200):
            (found,) = told(native, one, other, ["."], Terms(), threads=2, most=1)
            assert found is not None
            assert set(found.equal) == stays
            assert len(found.equal) == len(stays)
            assert all(name.startswith("moves ") for name in found.rest)
    finally:
        ended.set()
        mover.join()


def test_no_look_leaves_a_trace_or_a_descriptor(native, two) -> None:
    places, (one, other) = two
    for place in places:
        (place / "directory").mkdir()
        (place / "directory" / "file").touch()
        for path in (place / "directory", place / "directory" / "file"):
            os.utime(path, ns=(1, 1))
    before, equal = os.listdir("/proc/self/fd"), Quick(["file"], [], [], {}, {})
    for look in (partial(plain.look, most=9), partial(native, threads=2, most=9)):
        assert list(told(look, one, other, ["directory"], STRICT)) == [equal]
    assert os.listdir("/proc/self/fd") == before
    for place in places:
        for path in (place / "directory", place / "directory" / "file"):
            assert path.stat().st_atime_ns == 1


# ---- what is asked at all ------------------------------------------------------------------


def test_what_names_cannot_tell_is_not_asked() -> None:
    assert terms(PLAIN, PLAIN) == Terms()
    assert terms(ARCHIVE, ARCHIVE) == Terms(1, True, True, True)
    for opts in (
        Options(checksum=True),
        Options(ignore_times=True),
        Options(ignore_existing=True),
        Options(access_times=True),
        Options(fold_names=True),
        Options(links=Links.FOLLOW),
    ):
        assert terms(opts, opts) is None


def test_it_can_be_done_without(native, monkeypatch) -> None:
    assert room.compiled() is not None
    monkeypatch.setenv("MIRRORFS_NATIVE", "0")
    assert room.compiled() is None


def test_what_was_compiled_of_an_older_checkout_is_left_unused(native, monkeypatch) -> None:
    monkeypatch.setattr("mirrorfs.trees.local.native.compiled.EDITION", 0)
    assert room.compiled() is None
