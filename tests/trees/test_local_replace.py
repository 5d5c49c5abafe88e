"""Only local trees: what comes to a name between the look and the change is neither lost nor
changed."""

import errno
import os

import pytest

from mirrorfs.core.plan import Stage, Status, Verb
from mirrorfs.trees.local import Writing, inplace, kernel


@pytest.fixture(params=["disk", "tmpfs"])
def world(request, local, shm):
    return local(where=shm) if request.param == "tmpfs" else local()


@pytest.mark.parametrize("came", ["file", "directory", "link", "same size", "nothing"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_comes_to_the_name_at_the_last_moment_is_not_lost(world, monkeypatch, came, linked):
    """Another user is quicker than the rename: what he put there is there afterwards."""
    world.there.write("file", b"mirrored")
    world.there.write("leader", b"mirrored")
    world.here.write("file", b"the old one")
    world.here.write("leader", b"mirrored")
    action = world.action(Verb.UPDATE, "file")
    if linked:
        action = action._replace(stage=Stage.LINKS, origin="leader")
    real = kernel.exchange

    def exchange(*given: object) -> None:
        monkeypatch.setattr(kernel, "exchange", real)
        world.here.remove("file")
        match came:
            case "file":
                world.here.write("file", b"precious")
            case "directory":
                world.here.write("file/below", b"precious")
            case "link":
                world.here.symlink("file", "precious")
            case "same size":
                world.here.write("file", b"the new one")
        real(*given)

    monkeypatch.setattr(kernel, "exchange", exchange)
    outcome = world.do(action)
    place = world.here.root / "file"
    match came:
        case "file":
            assert place.read_bytes() == b"precious"
        case "directory":
            assert (place / "below").read_bytes() == b"precious"
        case "link":
            assert os.readlink(place) == "precious"
        case "same size":
            assert place.read_bytes() == b"the new one"
        case "nothing":
            assert place.read_bytes() == b"mirrored"
    assert outcome.status is (Status.DONE if came == "nothing" else Status.DRIFT)
    assert sorted(os.listdir(world.here.root)) == ["file", "leader"]


def test_without_an_exchange_a_file_is_renamed_over(world, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(kernel, "exchange", refuse)
    world.there.write("file", b"new")
    world.here.write("file", b"old!")
    assert world.update("file").status is Status.DONE
    assert world.here.data("file") == b"new"
    assert os.listdir(world.here.root) == ["file"]


def test_what_comes_to_a_name_that_is_written_in_place_is_not_written(local, monkeypatch):
    world = local(writing=Writing(in_place=True))
    canary = world.there.root.parent / "canary"
    canary.write_bytes(b"untouched")
    world.there.write("file", b"mirrored")
    world.there.write("other", b"mirrored")
    world.here.write("other", b"older")
    new, other = world.action(Verb.CREATE, "file"), world.action(Verb.UPDATE, "other")
    real = os.open

    def swapped(name: object, *given: object, **more: object) -> int:
        if name in ("file", "other") and given[0] & os.O_WRONLY:
            (world.here.root / name).unlink(missing_ok=True)
            os.link(canary, world.here.root / name)
        return real(name, *given, **more)

    monkeypatch.setattr(inplace.os, "open", swapped)
    assert world.do(new).status is Status.DRIFT
    assert world.do(other).status is Status.DRIFT
    assert canary.read_bytes() == b"untouched"
