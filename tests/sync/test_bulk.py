"""Copying in bulk: with it, in C or in Python, a run ends as without, and tells the same."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.mirroring import ARCHIVE, MARKED, PLAIN, WITHOUT_A, WITHOUT_TMP, mirror
from support.planting import SECOND, Thing, plant
from support.portrait import portrait, unlike

from mirrorfs.core.filter import EVERYTHING, Filter, FilterOptions
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.options import Links, Options
from mirrorfs.core.plan import Status, Verb
from mirrorfs.core.scope import Scope
from mirrorfs.output.log import Level, Log
from mirrorfs.output.narrator import Narrator
from mirrorfs.output.stats import Stats
from mirrorfs.sync.listener import Listener
from mirrorfs.trees.local import LocalTree, bulk, kinds, native, read
from mirrorfs.trees.local.small import plain
from mirrorfs.trees.local.tick import coarse_now

NAMES = [
    b"a", b"a-b", b"b.tmp", b"c", b"d", b"e", b"\xff\xfe", b"new\nline",
    "\u00e9".encode(), "e\u0301".encode(), b".mirrorfs-00000000-00000000.tmp",
]  # fmt: skip
PLACES = [b"", b"d", b"d/a", b"e", b"e/x/y"]
FILE = Thing()
TAGGED = Thing(what=40, mode=0o444, xattr=b"1")
THINGS = [
    FILE,
    TAGGED,
    Thing(what=2, time=5 * SECOND + 1),
    Thing(what=0, mode=0o600),
    Thing(what=5000, mode=0o4755),
    Thing(what=40, mode=0o640, owner=4711),
    Thing(what=(256 << 10) + 1),
    Thing("sparse", 100_000),
    Thing("link", b"a"),
    Thing("directory", mode=0o755),
    Thing("directory", mode=0o2711, owner=4711),
    Thing("fifo"),
    Thing("hard", b"a"),
]
things = st.one_of(st.just(FILE), st.sampled_from(THINGS))
plots = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES), things), min_size=1, max_size=20
)
OPTIONS = [
    PLAIN,
    ARCHIVE,
    ARCHIVE,
    Options(links=Links.KEEP, permissions=True, specials=True),
    Options(links=Links.FOLLOW, permissions=True),
    Options(hard_links=True),
    Options(owners=True, xattrs=True),
    Options(empty_directories=True, directory_times=True),
    Options(one_file_system=True, access_times=True),
    Options(fold_names=True),
    Options(normalise_names=True),
]
FILTERS = [
    EVERYTHING,
    EVERYTHING,
    WITHOUT_TMP,
    WITHOUT_A,
    MARKED,
    Filter.build(FilterOptions(min_size=4)),
    Filter.build(FilterOptions(max_depth=2)),
]


def settle() -> None:
    """Until a change gets another time than the last one, which may be of the finer clock."""
    end = time.time_ns()
    while coarse_now() <= end:
        pass


class Counting(Listener):
    """Counts what is told of; ``each``: nothing is to be copied in bulk."""

    def __init__(self, each: bool) -> None:
        self._each = each
        self.stats = Stats()
        self._narrator = Narrator(Log(Level.ERROR, write=lambda line: None), self.stats)
        self.bulk = 0
        self.done_to: set[str] = set()

    @property
    def each(self) -> bool:
        return self._each

    def planned(self, batch) -> None:
        self._narrator.planned(batch)

    def done(self, outcomes) -> None:
        self.done_to |= {o.action.path for o in outcomes if o.status is Status.DONE}
        self._narrator.done(outcomes)

    def copied(self, bulk) -> None:
        self.bulk += len(bulk.names)
        self.done_to |= {f"{bulk.path}/{name}" if bulk.path else name for name in bulk.names}
        assert len(bulk.names) == len(bulk.sizes)
        self._narrator.copied(bulk)


def ways():
    """How it can be done: not at all, in Python, in C."""
    yield "not at all", kinds.plain, plain.copy
    yield "in Python", kinds.plain, plain.copy
    module = native.load()
    assert module is not None, "python .ci/compile.py"
    yield "in C", module.kinds, module.copy


def run(source: Path, target: Path, opts, filter, way, **settings):
    """All that a run tells, and what comes of it."""
    name, by_kind, copy = way
    heard = Counting(each=name == "not at all")
    names = LinkedNames()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "kinds", by_kind)
        patch.setattr(bulk.small, "copy", copy)
        with (
            LocalTree(source, opts) as one,
            LocalTree(target, opts, writable=True, fsync="never") as two,
        ):
            both = mirror(one, two, opts, filter, names=names, **settings)
            both._listener = heard
            report = both.run(Scope.everything())
    figures = {
        key: value
        for key, value in heard.stats.record().items()
        if key not in ("elapsedTime", "speed", "transferTime", "eta", "bytes")
    }
    told = (
        report.done, report.directories, report.bytes, report.freed, report.entries, report.kept,
        report.vanished, set(report.failures), report.withheld, set(report.notices), figures,
        heard.stats.bytes, heard.done_to, dict(names.groups()), names.complete,
    )  # fmt: skip
    return told, heard.bulk


@pytest.mark.root
@given(
    plot=plots,
    there=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES), things), max_size=4),
    opts=st.sampled_from(OPTIONS),
    filter=st.sampled_from(FILTERS),
    transfers=st.sampled_from([1, 3]),
)
@example([(b"d", name, FILE) for name in NAMES[:-1]], [], ARCHIVE, EVERYTHING, 1)
@example(
    [(b"d", name, thing) for name, thing in zip(NAMES, THINGS, strict=False)],
    [],
    ARCHIVE,
    EVERYTHING,
    3,
)
@example(  # one of two spellings is left
    [(b"d", "\u00e9".encode(), Thing(what=(256 << 10) + 1)), (b"d", "e\u0301".encode(), FILE)],
    [],
    Options(normalise_names=True),
    EVERYTHING,
    1,
)
def test_it_ends_alike_and_tells_the_same(plot, there, opts, filter, transfers) -> None:
    with tempfile.TemporaryDirectory() as top:
        source = Path(top, "source")
        plant(os.fsencode(source), plot)
        settle()
        wanted = seen = None
        for way in ways():
            target = Path(top, way[0])
            plant(os.fsencode(target), there)
            told, _ = run(source, target, opts, filter, way, transfers=transfers)
            if wanted is None:
                wanted, seen = told, portrait(target)
            assert told == wanted, way
            assert unlike(_but_new(seen), _but_new(portrait(target))) == [], way


def _but_new(seen):
    """Without the times that nobody sets."""
    return {
        path: one._replace(mtime_ns=0) if one.kind != "file" else one for path, one in seen.items()
    }


@pytest.mark.root
@pytest.mark.parametrize("way", list(ways()), ids=lambda way: way[0])
def test_so_is_what_comes_to_a_directory_that_is_there(tmp_path: Path, way) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    plot = [(b"", b"file", FILE), (b"d", b"changed", FILE), (b"d", b"tagged", TAGGED)]
    plot += [(b"d", str(number).encode(), FILE) for number in range(100)]
    plant(os.fsencode(source), [*plot, (b"d", b"twin", Thing("hard", b"0"))])
    plant(os.fsencode(target), [(b"d", b"changed", TAGGED), (b"d", b"gone", FILE)])
    settle()
    told, copied = run(source, target, ARCHIVE, EVERYTHING, way)
    assert copied == (0 if way[0] == "not at all" else 100)  # "0" has two names
    assert told[0][Verb.CREATE] == 103
    assert unlike(portrait(source), portrait(target)) == []


@pytest.mark.root
@pytest.mark.parametrize("way", list(ways()), ids=lambda way: way[0])
def test_what_is_plain_is_copied_in_bulk(tmp_path: Path, way) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    plant(os.fsencode(source), [(b"d", str(number).encode(), FILE) for number in range(2500)])
    plant(os.fsencode(source / "e"), [(b"", b"tagged", TAGGED), (b"f", b"file", FILE)])
    target.mkdir()
    settle()
    _, copied = run(source, target, ARCHIVE, EVERYTHING, way)
    assert copied == (0 if way[0] == "not at all" else 2501)
    assert unlike(portrait(source), portrait(target)) == []


class Breaking:
    """A way of copying that meets something."""

    def __init__(self, copy, meets) -> None:
        self._copy, self._meets = copy, meets

    def __call__(self, source, target, names, temporaries, terms):
        self._meets(source, target)
        return self._copy(source, target, names, temporaries, terms)


@pytest.mark.root
@pytest.mark.parametrize("way", list(ways())[1:], ids=lambda way: way[0])
def test_what_comes_to_a_name_meanwhile_is_left_alone(tmp_path: Path, way) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    plant(os.fsencode(source), [(b"d", name, FILE) for name in NAMES[:5]])
    target.mkdir()
    settle()

    def meets(here: int, there: int) -> None:
        if not (target / "d" / "c").exists():
            (target / "d" / "c").write_bytes(b"mine, and not theirs")
            os.unlink("a", dir_fd=here)

    told, copied = run(
        source, target, ARCHIVE, EVERYTHING, (*way[:2], Breaking(way[2], meets)), transfers=1
    )
    assert (copied, told[7], told[6]) == (3, {"d/c"}, {"d/a"})
    assert (target / "d" / "c").read_bytes() == b"mine, and not theirs"
    assert sorted(os.listdir(target / "d")) == ["a-b", "b.tmp", "c", "d"]


@pytest.mark.root
@pytest.mark.parametrize("way", list(ways()), ids=lambda way: way[0])
def test_a_full_destination_is_told_of_by_name(tmp_path: Path, way) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    plant(
        os.fsencode(source),
        [(b"d%d" % (number // 50), b"%d" % number, Thing(what=5000)) for number in range(200)],
    )
    target.mkdir()
    settle()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "small", target], check=True)
    try:
        told, _ = run(source, target, ARCHIVE, EVERYTHING, way)
        there = [path for path, one in portrait(target).items() if one.kind == "file"]
        assert 30 < len(there) < 60
        assert len(told[7]) == 200 - len(there)
        assert (
            unlike(
                {path: one for path, one in portrait(source).items() if path in there},
                {path: one for path, one in portrait(target).items() if path in there},
            )
            == []
        )
    finally:
        subprocess.run(["umount", "-l", target], check=True)


@pytest.mark.root
@pytest.mark.parametrize("way", list(ways())[1:], ids=lambda way: way[0])
def test_where_nothing_can_be_made_without_a_name_all_goes_the_long_way(
    tmp_path: Path, way
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    plot = [(b"d%d" % (number // 300), b"%d" % number, FILE) for number in range(1500)]
    plant(os.fsencode(source), plot)
    target.mkdir()
    settle()
    calls = []

    def unable(here, there, names, temporaries, terms):
        if temporaries is not None:
            return way[2](here, there, names, temporaries, terms)
        calls.append(len(names))
        return [-1] * len(names)

    _, copied = run(source, target, ARCHIVE, EVERYTHING, (*way[:2], unable), transfers=1)
    assert copied == 0
    assert sum(calls) < 1500, "it is not tried for ever"
    assert unlike(portrait(source), portrait(target)) == []
