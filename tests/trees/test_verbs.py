"""Conformance: what the verbs do, and what they refuse to do."""

import os
from itertools import product

import pytest

from mirrorfs.core.options import Options, archive
from mirrorfs.core.plan import Status, Verb
from mirrorfs.core.tree import Entry, Kind, Trouble
from mirrorfs.trees.base import Meter

KINDS = ["file", "directory", "link", "fifo"]
LATER = 1_650_000_000_000_000_001


def put(user, kind, path, data=b"content"):
    match kind:
        case "file":
            user.write(path, data)
        case "directory":
            user.mkdir(path)
        case "link":
            user.symlink(path, data.decode())
        case "fifo":
            user.special(path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_created_equals_what_is_wanted(world, kind):
    put(world.there, kind, "name")
    if kind != "directory":
        world.there.touch("name", LATER)
    if kind != "link":
        world.there.chmod("name", 0o751)
    outcome = world.create("name")
    assert outcome.status is Status.DONE
    assert outcome.moved == (7 if kind == "file" else 0)
    want, made = world.at("name", world.source), world.at("name")
    assert (made.kind, made.size, made.mode, made.target) == (
        want.kind,
        want.size,
        want.mode,
        want.target,
    )
    if kind != "directory":
        assert made.mtime_ns == want.mtime_ns == LATER
    if kind == "file":
        assert world.here.data("name") == b"content"


def test_without_permissions_a_file_gets_the_default_mode(make):
    world = make(Options())
    world.there.write("name", b"x")
    world.there.chmod("name", 0o751)
    assert world.create("name").status is Status.DONE
    assert world.at("name").mode == 0o644


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, (2 << 20) + 1])
def test_content_of_any_size_arrives(world, size):
    data = bytes(range(256)) * (size // 256 + 1)
    world.there.write("file", data[:size])
    assert world.create("file").moved == size
    assert world.here.data("file") == data[:size]


@pytest.mark.parametrize(("old", "new"), [*product(["file", "link", "fifo"], repeat=2)])
def test_update_replaces_one_kind_by_another(world, old, new):
    put(world.there, new, "name", b"new")
    put(world.here, old, "name", b"old")
    assert world.update("name").status is Status.DONE
    assert world.at("name").kind is world.at("name", world.source).kind
    assert world.update("name").status is Status.DONE


def test_update_of_nothing_creates(world):
    world.there.write("name", b"new")
    world.here.write("name", b"old")
    expect = world.at("name")
    world.here.remove("name")
    assert world.update("name", expect=expect).status is Status.DONE
    assert world.here.data("name") == b"new"


@pytest.mark.parametrize("kind", KINDS)
def test_create_never_replaces(world, kind):
    world.there.write("name", b"new")
    put(world.here, kind, "name", b"user's")
    before = world.at("name")._replace(atime_ns=0)  # a look at a link is a use of it
    outcome = world.create("name")
    assert outcome.status is Status.DRIFT
    assert outcome.failure.trouble is Trouble.DRIFT
    assert world.at("name")._replace(atime_ns=0) == before
    assert [*world.destination.read("").entries] == ["name"]


@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.DELETE])
def test_a_file_that_changed_since_the_plan_is_left_alone(world, verb):
    world.there.write("name", b"new")
    world.here.write("name", b"old", mtime_ns=LATER)
    action = world.action(verb, "name")
    world.here.write("name", b"OLD!", mtime_ns=LATER)
    assert world.do(action).status is Status.DRIFT
    world.here.write("name", b"OLD", mtime_ns=LATER + 1)
    assert world.do(action).status is Status.DRIFT
    world.here.write("other", b"old", mtime_ns=LATER)  # while the inode is taken
    world.here.remove("name")
    world.here.move("other", "name")
    assert world.do(action).status is Status.DRIFT
    assert world.here.data("name") == b"old"


def test_a_same_size_same_time_edit_shows_by_its_change_time(world):
    world.there.write("name", b"new")
    world.here.write("name", b"old", mtime_ns=LATER)
    action = world.action(Verb.UPDATE, "name")
    world.here.write("name", b"OLD", mtime_ns=LATER)
    assert world.do(action).status is Status.DRIFT


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.UPDATE])
def test_a_transfer_done_again_is_done(world, verb):
    world.there.write("name", b"new")
    if verb is Verb.UPDATE:
        world.here.write("name", b"old one")
    action = world.action(verb, "name")
    assert [world.do(action).status for _ in range(3)] == [Status.DONE] * 3
    assert world.here.data("name") == b"new"


def test_a_source_that_vanished_is_no_error(world):
    world.there.write("d/name", b"x")
    world.create("d")
    action = world.action(Verb.CREATE, "d/name")
    world.there.remove("d/name")
    outcome = world.do(action)
    assert (outcome.status, outcome.failure.trouble) == (Status.SKIPPED, Trouble.ABSENT)
    world.there.remove("d")
    outcome = world.do(action)
    assert (outcome.status, outcome.failure.trouble) == (Status.SKIPPED, Trouble.ABSENT)
    assert not world.destination.read("d").entries


def test_a_newer_source_is_published_as_it_is_now(world):
    world.there.write("name", b"planned", mtime_ns=LATER)
    action = world.action(Verb.CREATE, "name")
    world.there.write("name", b"newer than planned", mtime_ns=LATER + 5)
    assert world.do(action).moved == 18
    assert world.at("name").mtime_ns == LATER + 5


def test_without_its_directory_a_transfer_fails(world):
    world.there.write("d/name", b"x")
    outcome = world.do(world.action(Verb.CREATE, "d/name", want=world.at("d/name", world.source)))
    assert (outcome.status, outcome.failure.trouble) == (Status.FAILED, Trouble.ABSENT)


def test_one_bad_file_does_not_end_the_batch(world):
    for name in ("a", "b", "c"):
        world.there.write(name, name.encode())
    actions = [world.action(Verb.CREATE, name) for name in ("a", "b", "c")]
    world.there.remove("b")
    outcomes = world.destination.transfer(actions, world.source)
    assert [outcome.status for outcome in outcomes] == [Status.DONE, Status.SKIPPED, Status.DONE]
    assert [outcome.action for outcome in outcomes] == actions


def test_a_batch_of_updates_is_answered_in_order(world):
    names = [f"f{index}" for index in range(9)]
    for name in names:
        world.there.write(name, b"new " + name.encode())
        world.here.write(name, b"old")
    actions = [world.action(Verb.UPDATE, name) for name in names]
    world.here.write("f4", b"drifted")
    outcomes = world.destination.transfer(actions, world.source)
    assert [outcome.action for outcome in outcomes] == actions
    assert [outcome.status for outcome in outcomes].count(Status.DONE) == 8
    assert outcomes[4].status is Status.DRIFT
    assert world.here.data("f4") == b"drifted"
    assert sorted(world.destination.read("").entries) == names


def test_a_meter_hears_every_byte_and_may_end_the_call(world):
    class Enough(Exception):
        pass

    world.there.write("name", b"x" * (3 << 20))
    heard = []
    world.destination.meter = Meter()
    world.destination.meter.moved = heard.append
    assert world.create("name").status is Status.DONE
    assert sum(heard) == 3 << 20

    def stop(_: int) -> None:
        raise Enough

    world.destination.meter.moved = stop
    world.there.write("other", b"x" * (3 << 20))
    with pytest.raises(Enough):
        world.create("other")
    assert [*world.destination.read("").entries] == ["name"]
    assert world.destination.sweep() == 0


def test_directories_are_created_parents_first_and_again(world):
    world.there.mkdir("a/b/c")
    actions = [world.action(Verb.CREATE, path) for path in ("a", "a/b", "a/b/c")]
    for _ in range(2):
        outcomes = world.destination.create_directories(actions)
        assert {outcome.status for outcome in outcomes} == {Status.DONE}
    assert world.at("a/b/c").kind is Kind.DIRECTORY


def test_a_directory_does_not_take_a_files_place(world):
    world.there.mkdir("name")
    world.here.write("name", b"user's")
    assert world.create("name").status is Status.DRIFT
    assert world.here.data("name") == b"user's"


@pytest.mark.parametrize("kind", KINDS)
def test_delete_removes_and_is_done_again(world, kind):
    put(world.here, kind, "name")
    action = world.action(Verb.DELETE, "name")
    assert [world.do(action).status for _ in range(2)] == [Status.DONE] * 2
    assert world.at("name") is None


def test_delete_of_a_full_directory_is_drift(world):
    world.here.write("d/file")
    assert world.delete("d").status is Status.DRIFT
    assert world.at("d/file") is not None


@pytest.mark.parametrize(("old", "new"), [p for p in product(KINDS, repeat=2) if p[0] != p[1]])
def test_delete_of_another_kind_is_drift(world, old, new):
    put(world.here, old, "name")
    action = world.action(Verb.DELETE, "name")
    world.here.remove("name")
    put(world.here, new, "name")
    assert world.do(action).status is Status.DRIFT
    assert world.at("name") is not None


def test_a_directory_moves_with_all_below(world):
    world.here.write("old/d/file", b"x")
    world.here.mkdir("to")
    world.destination.read("old/d")
    action = world.action(Verb.RENAME, "to/new", origin="old")
    assert [world.do(action).status for _ in range(2)] == [Status.DONE] * 2
    assert world.here.data("to/new/d/file") == b"x"
    assert world.at("old") is None
    assert list(world.destination.read("to/new/d").entries) == ["file"]


def test_a_rename_replaces_nothing(world):
    world.here.write("old", b"1")
    world.here.write("new", b"2")
    action = world.action(Verb.RENAME, "new", origin="old")
    assert world.do(action).status is Status.DRIFT
    assert (world.here.data("old"), world.here.data("new")) == (b"1", b"2")


def test_a_rename_moves_only_what_the_plan_saw(world):
    world.here.write("old", b"1")
    action = world.action(Verb.RENAME, "new", origin="old")
    world.here.write("other")
    world.here.remove("old")
    assert world.do(action).status is Status.DRIFT
    world.here.write("unrelated")
    world.here.write("old", b"another")
    assert world.do(action).status is Status.DRIFT
    assert world.here.data("old") == b"another"


def test_a_directory_does_not_move_into_itself(world):
    world.here.mkdir("d/e")
    outcome = world.do(world.action(Verb.RENAME, "d/e/f", origin="d"))
    assert (outcome.status, outcome.failure.trouble) == (Status.FAILED, Trouble.UNSUPPORTED)


@pytest.mark.parametrize("kind", ["file", "directory", "fifo"])
def test_attributes_are_set_and_again(world, kind):
    for user in (world.there, world.here):
        put(user, kind, "name")
    world.there.chmod("name", 0o5711)
    world.there.touch("name", LATER)
    if kind == "file":
        world.here.touch("name", LATER)
    action = world.action(Verb.ATTRIBUTES, "name")
    assert [world.do(action).status for _ in range(2)] == [Status.DONE] * 2
    assert (world.at("name").mode, world.at("name").mtime_ns) == (0o5711, LATER)


def test_a_links_own_time_is_set(world):
    for user in (world.there, world.here):
        put(user, "link", "name")
    world.there.touch("name", LATER)
    assert world.do(world.action(Verb.ATTRIBUTES, "name")).status is Status.DONE
    assert world.at("name").mtime_ns == LATER


def test_only_what_is_kept_is_set(make):
    world = make(Options(times=False))
    for user in (world.there, world.here):
        user.write("name")
        user.mkdir("d")
    world.there.chmod("name", 0o700)
    world.there.touch("name", LATER)
    world.there.touch("d", LATER)
    before = world.at("name")
    assert world.do(world.action(Verb.ATTRIBUTES, "name")).status is Status.DONE
    assert world.do(world.action(Verb.ATTRIBUTES, "d")).status is Status.DONE
    assert (world.at("name").mode, world.at("name").mtime_ns) == (before.mode, before.mtime_ns)
    assert world.at("d").mtime_ns == LATER


def test_a_copy_has_its_time_even_where_times_are_not_kept(make):
    world = make(Options(times=False))
    world.there.write("name", mtime_ns=LATER)
    assert world.do(world.action(Verb.CREATE, "name")).status is Status.DONE
    assert world.at("name").mtime_ns == LATER


def test_attributes_do_not_hide_a_drifted_file(world):
    world.there.write("name", b"same", mtime_ns=LATER)
    world.here.write("name", b"same", mtime_ns=LATER)
    world.there.chmod("name", 0o600)
    action = world.action(Verb.ATTRIBUTES, "name")
    world.here.write("name", b"edit", mtime_ns=LATER + 1)
    assert world.do(action).status is Status.DRIFT
    assert world.at("name").mtime_ns == LATER + 1
    world.here.remove("name")
    assert world.do(action).status is Status.DRIFT


@pytest.mark.parametrize("path", ["..", ".", "a/../b", "a//b", "/NEW", "", "a\0b"])
@pytest.mark.parametrize("verb", [*Verb])
def test_a_path_out_of_the_root_is_refused(world, path, verb):
    path = path.replace("/NEW", f"/mirrorfs-{os.getpid()}")
    for user in (world.there, world.here):
        user.mkdir("a")
    world.there.write("name", b"x")
    world.here.write("name", b"x")
    if verb is Verb.ATTRIBUTES and not path:
        return  # the root's own attributes are part of the tree
    entry = world.at("name", world.source)
    for want in (entry, Entry(Kind.SYMLINK, target="x")):
        outcome = world.do(world.action(verb, path, want=want, expect=entry, origin="name"))
        # Deleting below a directory that is absent is done.
        assert outcome.status is not Status.DONE or (verb is Verb.DELETE and path[:1] == "/")
    assert not os.path.exists(f"/mirrorfs-{os.getpid()}")
    assert set(world.destination.read("").entries) == {"a", "name"}


def test_xattrs_travel(make):
    world = make(archive(Options()))
    world.there.write("name", b"x")
    want = world.at("name", world.source)
    assert want.xattrs == ()
    assert world.create("name").status is Status.DONE
    tagged = want._replace(xattrs=(("user.tag", b"\0\xff"),))
    assert world.do(world.action(Verb.ATTRIBUTES, "name", want=tagged)).status is Status.DONE
    assert world.at("name").xattrs == (("user.tag", b"\0\xff"),)
    assert world.do(world.action(Verb.ATTRIBUTES, "name", want=want)).status is Status.DONE
    assert world.at("name").xattrs == ()
