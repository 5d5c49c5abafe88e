"""One more name for a file: what every destination promises of `link`."""

import errno
import os
from typing import Any

import pytest

from mirrorfs.core.plan import Outcome, Stage, Status, Verb
from mirrorfs.trees.local import Backup, Writing


def link(world: Any, verb: Verb, path: str, origin: str, **given: object) -> Outcome:
    action = world.action(verb, path, origin=origin, **given)
    outcome: Outcome = world.do(action._replace(stage=Stage.LINKS))
    return outcome


@pytest.fixture
def linked(world: Any) -> Any:
    """Two names of one file in the source, the first of which is on the destination."""
    world.there.write("d/f", b"content", mtime_ns=10**18)
    world.there.hardlink("d/f", "g")
    world.here.mkdir("d")
    assert world.create("d/f").status is Status.DONE
    return world


def one_file(world: Any, *paths: str) -> bool:
    entries = [world.at(path) for path in paths]
    return len({entry.inode for entry in entries}) == 1 and entries[0].links == len(paths)


def test_a_new_name(linked: Any) -> None:
    for _ in range(2):
        outcome = link(linked, Verb.CREATE, "g", "d/f")
        assert (outcome.status, outcome.moved) == (Status.DONE, 0), "again is done, too"
        assert one_file(linked, "d/f", "g")


@pytest.mark.parametrize("content", [b"content", b"another"])
def test_a_name_of_another_file(linked: Any, content: bytes) -> None:
    linked.here.write("g", content, mtime_ns=10**18)
    linked.here.hardlink("g", "h")
    outcome = link(linked, Verb.UPDATE, "g", "d/f")
    assert (outcome.status, outcome.moved) == (Status.DONE, 0)
    assert one_file(linked, "d/f", "g")
    assert one_file(linked, "h")
    assert linked.here.data("h") == content
    assert sorted(linked.destination.read("").entries) == ["d", "g", "h"]


def test_a_name_of_the_file_already(linked: Any) -> None:
    linked.here.hardlink("d/f", "g")
    assert link(linked, Verb.UPDATE, "g", "d/f").status is Status.DONE
    assert sorted(linked.destination.read("").entries) == ["d", "g"]


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.UPDATE])
def test_what_the_plan_did_not_see_stays(linked: Any, verb: Verb) -> None:
    linked.here.write("g", b"old")
    seen = linked.at("g") if verb is Verb.UPDATE else None
    linked.here.remove("g")
    linked.here.write("g", b"by somebody else")
    assert link(linked, verb, "g", "d/f", expect=seen).status is Status.DRIFT
    assert linked.here.data("g") == b"by somebody else"


def test_a_name_that_went_is_made(linked: Any) -> None:
    linked.here.write("g", b"old")
    seen = linked.at("g")
    linked.here.remove("g")
    assert link(linked, Verb.UPDATE, "g", "d/f", expect=seen).status is Status.DONE
    assert one_file(linked, "d/f", "g")


@pytest.mark.parametrize("instead", ["nothing", "directory", "symlink"])
def test_without_a_file_to_link_to_the_content_is_transferred(linked: Any, instead: str) -> None:
    linked.here.remove("d/f")
    if instead == "directory":
        linked.here.mkdir("d/f")
    elif instead == "symlink":
        linked.here.symlink("d/f", "/etc/hostname")
    outcome = link(linked, Verb.CREATE, "g", "d/f")
    assert (outcome.status, outcome.moved) == (Status.DONE, 7)
    assert linked.here.data("g") == b"content"


def test_no_directory_to_put_it_in(linked: Any) -> None:
    linked.there.hardlink("d/f", "x")
    outcome = link(linked, Verb.CREATE, "no/g", "d/f", want=linked.at("x", linked.source))
    assert outcome.status in (Status.FAILED, Status.SKIPPED)


@pytest.mark.parametrize("code", [errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
@pytest.mark.parametrize("there", [None, b"content", b"stale"])
def test_where_one_more_link_cannot_be(
    local: Any, code: int, there: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = local()
    for user in (world.there, world.here):
        user.write("f", b"content", mtime_ns=10**18)
    world.there.hardlink("f", "g")
    if there is not None:
        world.here.write("g", there, mtime_ns=10**18)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    outcome = link(world, Verb.CREATE if there is None else Verb.UPDATE, "g", "f")
    assert outcome.status is Status.DONE
    assert outcome.moved == (0 if there == b"content" else 7), "what is right stays"
    assert world.here.data("g") == b"content"
    assert sorted(world.destination.read("").entries) == ["f", "g"]


def test_what_a_link_replaces_is_kept_as_a_backup(local: Any, tmp_path: Any) -> None:
    world = local(writing=Writing(Backup(str(tmp_path / "backups"))))
    for user in (world.there, world.here):
        user.write("f", b"content", mtime_ns=10**18)
    world.there.hardlink("f", "g")
    world.here.write("g", b"stale")
    assert link(world, Verb.UPDATE, "g", "f").status is Status.DONE
    assert (tmp_path / "backups" / "g").read_bytes() == b"stale"
    assert one_file(world, "f", "g")
