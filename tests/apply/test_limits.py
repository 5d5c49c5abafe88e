"""Quotas, orders and the time of deletions: what they let happen, and what is left for later."""

import threading

import pytest
from support.mirroring import ARCHIVE, PLAIN

from mirrorfs.apply.backlog import Backlog
from mirrorfs.apply.flow import Flow
from mirrorfs.apply.quota import Cutoff, Quota
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.guard import Limits
from mirrorfs.core.order import Order, workers_in_front
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Kind, Trouble
from mirrorfs.core.values import parse_order_by
from mirrorfs.errors import DurationLimit, FatalError, TransferLimit
from mirrorfs.sync.listener import Listener
from mirrorfs.sync.settings import Settings
from mirrorfs.sync.sync import Pass
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.memory import MemoryTree


class Heard(Listener):
    def __init__(self):
        self.done_paths = []

    def done(self, outcomes):
        self.done_paths += [
            (outcome.action.verb, outcome.action.path)
            for outcome in outcomes
            if outcome.status == "done"
        ]

    def copied(self):
        return [path for verb, path in self.done_paths if verb in (Verb.CREATE, Verb.UPDATE)]


def passing(source, destination, quota=None, options=PLAIN, **settings):
    heard = Heard()
    settings.setdefault("transfers", 1)
    run = Pass(
        source,
        destination,
        options=options,
        filter=EVERYTHING,
        settings=Settings(**settings),
        quota=quota,
        listener=heard,
    )
    destination.meter = Flow(lambda: None, quota=quota)
    return run, heard


def pair(**sizes):
    source, destination = MemoryTree(PLAIN), MemoryTree(PLAIN)
    for name, size in sizes.items():
        source.write(name, b"x" * size)
    destination.write("old", b"old")
    return source, destination


# ---- how much ----------------------------------------------------------------------------------


@pytest.mark.parametrize("check_first", [False, True], ids=["streaming", "check first"])
@pytest.mark.parametrize(
    ("cutoff", "limit", "copied"),
    [
        (Cutoff.HARD, 3000, []),
        (Cutoff.SOFT, 3000, ["a"]),
        (Cutoff.CAUTIOUS, 3000, []),
        (Cutoff.HARD, 5000, ["a"]),
        (Cutoff.SOFT, 5001, ["a", "b"]),
        (Cutoff.CAUTIOUS, 7000, ["a", "b"]),
        (Cutoff.HARD, 10000, ["a", "b", "c"]),
        (Cutoff.SOFT, 0, []),
    ],
)
def test_no_more_than_the_limit_is_copied_and_then_nothing_deleted(
    cutoff, limit, copied, check_first
):
    source, destination = pair(a=5000, b=2000, c=3000)
    quota = Quota(limit, cutoff=cutoff)
    run, heard = passing(source, destination, quota, check_first=check_first)
    report = run.run(Scope.everything())
    assert heard.copied() == copied
    if len(copied) == 3:
        assert report.limit is None
        assert "old" not in destination.entries()
        return
    assert isinstance(report.limit, TransferLimit)
    assert report.limit.exit_code == 8
    assert set(destination.entries()) == {"old", *copied}
    # What was not done is looked at again, and only that, if everything had been read.
    assert report.errors == 0
    left = {"a", "b", "c", "old"} - set(copied)
    assert left <= report.unfinished() or "" in report.unfinished()
    if check_first:
        assert report.unfinished() == left
    rest = Scope.of(subtrees=report.unfinished())
    again, _ = passing(source, destination)
    assert again.run(rest).limit is None
    assert set(destination.entries()) == {"a", "b", "c"}


def test_a_limit_counts_all_attempts_together():
    source, destination = pair(a=100)
    quota = Quota(150)
    run, _ = passing(source, destination, quota)
    assert run.run(Scope.everything()).limit is None
    source.write("b", b"y" * 100)
    assert isinstance(run.run(Scope.everything()).limit, TransferLimit)
    assert "b" not in destination.entries()


def test_errors_ignored_are_not_limits_ignored():
    source, destination = pair(a=5000)
    run, _ = passing(source, destination, Quota(10), ignore_errors=True)
    run.run(Scope.everything())
    assert "old" in destination.entries()


def test_hard_ends_every_file_on_its_way(tmp_path):
    """On real trees, with threads: two large files share what is allowed for less than one."""
    for name in ("src", "dst"):
        (tmp_path / name).mkdir()
    for name in "abcd":
        (tmp_path / "src" / name).write_bytes(bytes(12 << 20))
    quota = Quota(10 << 20)
    with (
        LocalTree(tmp_path / "src") as source,
        LocalTree(tmp_path / "dst", writable=True) as destination,
    ):
        run, heard = passing(source, destination, quota, transfers=4)
        report = run.run(Scope.everything())
    assert isinstance(report.limit, TransferLimit)
    assert heard.copied() == []
    assert list((tmp_path / "dst").iterdir()) == [], "no temporary is left"


# ---- how long ----------------------------------------------------------------------------------


class Clock:
    """Each look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.mark.parametrize("cutoff", [*Cutoff])
def test_after_the_time_nothing_is_begun_and_nothing_deleted(cutoff):
    source, destination = pair(**{f"f{n}": 10 for n in range(50)})
    quota = Quota(seconds=20, cutoff=cutoff, clock=Clock())
    run, heard = passing(source, destination, quota, check_first=True)
    report = run.run(Scope.everything())
    assert isinstance(report.limit, DurationLimit)
    assert report.limit.exit_code == 10
    assert 0 < len(heard.copied()) < 50
    assert "old" in destination.entries()
    assert len(report.withheld) == 51 - len(heard.copied())


def test_reading_ends_when_the_time_is_over_and_the_rest_is_owed():
    source, destination = MemoryTree(PLAIN), MemoryTree(PLAIN)
    for n in range(30):
        source.write(f"d{n:02}/f", b"x")
    run, _ = passing(source, destination, Quota(seconds=5, clock=Clock()))
    report = run.run(Scope.everything())
    assert isinstance(report.limit, DurationLimit)
    assert report.entries < 60
    assert Scope.of(subtrees=report.unfinished()).is_everything


def test_a_run_that_ends_too_late_says_so_though_all_is_done():
    source, destination = pair(a=1)
    destination.remove("old")
    now = [0.0]
    quota = Quota(seconds=1, cutoff=Cutoff.SOFT, clock=lambda: now[0])
    run, heard = passing(source, destination, quota)
    done = heard.done

    def late(outcomes):
        done(outcomes)
        now[0] = 2.0

    heard.done = late
    report = run.run(Scope.everything())
    assert heard.copied() == ["a"]
    assert isinstance(report.limit, DurationLimit)


# ---- in which order ----------------------------------------------------------------------------

ORDERS = [
    ("name", ["a/z", "b", "c"]),
    ("name,desc", ["c", "b", "a/z"]),
    ("size", ["b", "a/z", "c"]),
    ("SIZE,descending", ["c", "a/z", "b"]),
    ("modtime,ascending", ["c", "b", "a/z"]),
    ("modtime,desc", ["a/z", "b", "c"]),
    ("size,mixed", ["b", "a/z", "c"]),
    ("size,mixed,0", ["c", "a/z", "b"]),
    ("pattern,z,/c", ["a/z", "c", "b"]),
    ("pattern,{b,c}", ["b", "c", "a/z"]),
]


@pytest.mark.parametrize("check_first", [False, True])
@pytest.mark.parametrize(("value", "expected"), ORDERS, ids=[value for value, _ in ORDERS])
def test_files_are_copied_in_the_order_asked_for(value, expected, check_first):
    source, destination = MemoryTree(PLAIN), MemoryTree(PLAIN)
    for age, (path, size) in enumerate([("c", 30), ("b", 10), ("a/z", 20)]):
        source.write(path, b"x" * size)
        source.touch(path, 10**18 + age)
    order = parse_order_by(value)
    run, heard = passing(source, destination, order=order, check_first=check_first)
    run.run(Scope.everything())
    assert [path for path in heard.copied() if path != "a"] == expected


def test_a_bad_glob_is_refused():
    with pytest.raises(FatalError, match="bad --order-by glob"):
        Order(parse_order_by("pattern,[a"))


@pytest.mark.parametrize(
    ("value", "workers", "front"),
    [
        ("size", 4, 4),
        ("size,mixed", 4, 2),
        ("size,mixed,25", 4, 1),
        ("size,mixed,26", 4, 2),
        ("size,mixed,0", 4, 0),
        ("size,mixed,101", 4, 4),
        ("size,mixed,1", 1, 1),
    ],
)
def test_how_many_take_from_the_front(value, workers, front):
    assert workers_in_front(Order(parse_order_by(value)), workers) == front


def test_both_ends_are_worked_at_together():
    actions = [
        Action(Verb.CREATE, Stage.CONTENT, str(n), Entry(Kind.FILE, n), None, "") for n in range(6)
    ]
    backlog = Backlog(actions, 1)
    with backlog.next() as first, backlog.next() as second, backlog.next() as third:
        assert [first.path, second.path, third.path] == ["0", "5", "4"]
    with backlog.next() as again:
        assert again.path == "1", "who took from the front is done"
    with pytest.raises(KeyError), backlog.next():
        raise KeyError
    with backlog.next() as last:
        assert last.path == "3", "and one that fails makes room, too"
    with pytest.raises(IndexError), backlog.next():
        pass


def test_a_mixed_order_copies_everything_with_threads(tmp_path):
    (tmp_path / "dst").mkdir()
    for n in range(40):
        path = tmp_path / "src" / f"d{n % 5}" / str(n)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(n * 1000))
    with (
        LocalTree(tmp_path / "src") as source,
        LocalTree(tmp_path / "dst", writable=True) as destination,
    ):
        order = parse_order_by("size,mixed,50")
        run, heard = passing(source, destination, order=order, transfers=4)
        run.run(Scope.everything())
        used = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("mirrorfs-transfer") for name in used)
    files = [path for path in heard.copied() if "/" in path]
    assert sorted(files) == sorted(f"d{n % 5}/{n}" for n in range(40))


# ---- when is deleted ---------------------------------------------------------------------------


def verbs(heard):
    return [verb for verb, _ in heard.done_paths]


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({}, Verb.CREATE),
        ({"delete_first": True, "check_first": True}, Verb.DELETE),
    ],
    ids=["after", "before"],
)
def test_deletions_come_when_they_were_asked_for(settings, first):
    source, destination = pair(new=1)
    run, heard = passing(source, destination, **settings)
    run.run(Scope.everything())
    assert sorted(verbs(heard)) == [Verb.CREATE, Verb.DELETE]
    assert verbs(heard)[0] is first


def test_deleting_during_lets_new_files_come_while_reading_goes_on():
    source, destination = pair(new=1, changed=2)
    destination.write("changed", b"1")
    run, heard = passing(source, destination, delete_first=True)
    run.run(Scope.everything())
    assert heard.done_paths == [
        (Verb.CREATE, "new"),
        (Verb.DELETE, "old"),
        (Verb.UPDATE, "changed"),
    ]


def test_a_plan_shows_the_order():
    source, destination = pair(new=1)
    run, _ = passing(source, destination, delete_first=True)
    assert [action.verb for action in run.plan(Scope.everything()).actions] == [
        Verb.DELETE,
        Verb.CREATE,
    ]


MODES = [{}, {"delete_first": True}, {"delete_first": True, "check_first": True}]


@pytest.mark.parametrize("settings", MODES, ids=["after", "during", "before"])
def test_in_no_mode_anything_goes_that_could_not_be_read(settings):
    source, destination = pair(a=1)
    for tree in (source, destination):
        tree.write("d/kept", b"k")
    source.fail("read", "d", Trouble.DENIED, None)
    for more in ({}, {"ignore_errors": True}):
        run, _ = passing(source, destination, **settings, **more)
        report = run.run(Scope.everything())
        assert report.errors == 1
        assert "d/kept" in destination.entries()
        # What is gone for sure goes only if errors do not count.
        assert ("old" in destination.entries()) is not bool(more)


@pytest.mark.parametrize("settings", MODES, ids=["after", "during", "before"])
def test_in_every_mode_the_guards_weigh_all_before_the_first_one_goes(settings):
    source, destination = pair(a=1)
    destination.write("old2", b"")
    run, heard = passing(source, destination, limits=Limits(max_delete=1), **settings)
    assert run.run(Scope.everything()).refusal is not None
    assert Verb.DELETE not in verbs(heard)


def test_what_makes_room_and_what_moves_still_fits_when_deletions_come_first():
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    source.write("x", b"a file now")
    source.write("y/inside", b"a directory now")
    source.write("z/new", b"n")
    destination.write("x/deep/er", b"")
    destination.write("y", b"")
    destination.write("z/gone/deep", b"")
    run, _ = passing(source, destination, options=ARCHIVE, delete_first=True)
    report = run.run(Scope.everything())
    assert report.errors == 0
    assert report.unfinished() == set()
    assert set(destination.entries()) == set(source.entries())
