"""Every kind of tree behind one face: a source, a destination, and the user who changes either."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirrorfs.core.options import Options, archive
from mirrorfs.core.plan import Action, Outcome, Stage, Status, Verb
from mirrorfs.core.tree import Entry, split
from mirrorfs.trees.base import Destination, Tree
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.memory import MemoryTree

ARCHIVE = archive(Options())


class LocalUser:
    """The verbs of `mirrorfs.trees.memory.store.Store`, on a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, data: bytes = b"", *, mtime_ns: int | None = None) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)
        if mtime_ns is not None:
            os.utime(self.root / path, ns=(mtime_ns, mtime_ns))

    def mkdir(self, path: str) -> None:
        (self.root / path).mkdir(parents=True, exist_ok=True)

    def symlink(self, path: str, target: str) -> None:
        (self.root / path).symlink_to(target)

    def hardlink(self, origin: str, path: str) -> None:
        os.link(self.root / origin, self.root / path)

    def special(self, path: str) -> None:
        os.mkfifo(self.root / path)

    def move(self, origin: str, path: str) -> None:
        os.rename(self.root / origin, self.root / path)

    def remove(self, path: str) -> None:
        where = self.root / path
        if where.is_dir() and not where.is_symlink():
            shutil.rmtree(where)
        else:
            where.unlink()

    def chmod(self, path: str, mode: int) -> None:
        (self.root / path).chmod(mode)

    def touch(self, path: str, mtime_ns: int) -> None:
        os.utime(self.root / path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)

    def data(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


@dataclass
class World:
    """``there`` and ``here`` are the users of source and destination."""

    source: Tree
    destination: Destination
    there: LocalUser | MemoryTree
    here: LocalUser | MemoryTree

    def at(self, path: str, tree: Tree | None = None) -> Entry | None:
        """What is at a path of the destination, or of ``tree``."""
        directory, name = split(path)
        listing = (tree or self.destination).read(directory, [name])
        assert not listing.failures
        return listing.entries.get(name)

    def action(self, verb: Verb, path: str, **given: object) -> Action:
        """As a plan would: wanted is what the source holds, expected what the destination."""
        stage = {
            Verb.CREATE: Stage.CONTENT,
            Verb.UPDATE: Stage.CONTENT,
            Verb.DELETE: Stage.DELETE,
            Verb.RENAME: Stage.RENAME,
            Verb.ATTRIBUTES: Stage.ATTRIBUTES,
        }[verb]
        fields: dict[str, object] = {"reason": "a test", "want": None, "expect": None}
        if verb in (Verb.CREATE, Verb.UPDATE, Verb.ATTRIBUTES) and "want" not in given:
            fields["want"] = self.at(path, self.source)
        if verb in (Verb.UPDATE, Verb.DELETE, Verb.ATTRIBUTES) and "expect" not in given:
            fields["expect"] = self.at(path)
        if verb is Verb.RENAME and "expect" not in given:
            fields["expect"] = self.at(str(given["origin"]))
        return Action(verb=verb, stage=stage, path=path, **{**fields, **given})  # type: ignore[arg-type]

    def do(self, action: Action) -> Outcome:
        destination = self.destination
        match action.verb:
            case Verb.CREATE | Verb.UPDATE if action.want and action.want.is_directory:
                (outcome,) = destination.create_directories([action])
            case Verb.CREATE | Verb.UPDATE if action.stage is Stage.LINKS:
                (outcome,) = destination.link([action], self.source)
            case Verb.CREATE | Verb.UPDATE:
                (outcome,) = destination.transfer([action], self.source)
            case Verb.DELETE:
                (outcome,) = destination.delete([action])
            case Verb.RENAME:
                (outcome,) = destination.rename([action])
            case Verb.ATTRIBUTES:
                (outcome,) = destination.set_attributes([action])
        assert outcome.action is action
        assert (outcome.failure is None) == (outcome.status is Status.DONE)
        return outcome

    def create(self, path: str) -> Outcome:
        return self.do(self.action(Verb.CREATE, path))

    def update(self, path: str, **given: object) -> Outcome:
        return self.do(self.action(Verb.UPDATE, path, **given))

    def delete(self, path: str, **given: object) -> Outcome:
        return self.do(self.action(Verb.DELETE, path, **given))


@pytest.fixture
def shm() -> Iterator[Path]:
    where = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield where
    shutil.rmtree(where, ignore_errors=True)


Make = Callable[..., World]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Make]:
    """Make a world of two directories below ``where`` (or the test's own directory)."""
    with ExitStack() as stack:

        def make(options: Options = ARCHIVE, where: Path = tmp_path, **given: str) -> World:
            source, destination = where / "source", where / "destination"
            source.mkdir()
            destination.mkdir()
            return World(
                stack.enter_context(LocalTree(source, options)),
                stack.enter_context(LocalTree(destination, options, writable=True, **given)),
                LocalUser(source),
                LocalUser(destination),
            )

        yield make


@pytest.fixture(params=["memory", "disk", "tmpfs", "memory to disk"])
def make(request: pytest.FixtureRequest, local: Make, shm: Path) -> Make:
    """Make a world of the kind under test."""

    def memory(options: Options = ARCHIVE) -> World:
        source, destination = MemoryTree(options), MemoryTree(options)
        return World(source, destination, source, destination)

    def mixed(options: Options = ARCHIVE) -> World:
        world, source = local(options), MemoryTree(options)
        return World(source, world.destination, source, world.here)

    def tmpfs(options: Options = ARCHIVE) -> World:
        return local(options, shm)

    return {"memory": memory, "disk": local, "tmpfs": tmpfs, "memory to disk": mixed}[request.param]


@pytest.fixture
def world(make: Make) -> World:
    return make()


@pytest.fixture
def make_action() -> Callable[[Tree, str], Action]:
    """The creation of what a tree holds at a path."""

    def make(source: Tree, path: str) -> Action:
        directory, name = split(path)
        want = source.read(directory, [name]).entries[name]
        return Action(Verb.CREATE, Stage.CONTENT, path, want, None, "a test")

    return make
