"""A hostile user flips what the tree holds between the real thing and a link to the outside, while
root reads it, writes it, and sets what is kept of it. Nothing outside is read or changed.

A canary lies outside. It is looked at closely: content, names, mode, owner, extended attributes,
all its times (the time of access tells that it was read), and how many names it has.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.flipper import Flipper, appearing, exchanging, in_front_of
from support.mirroring import ARCHIVE, full

from mirrorfs.core.plan import Action, Outcome, Stage, Verb
from mirrorfs.core.tree import Entry, Kind, TreeError
from mirrorfs.errors import MirrorError
from mirrorfs.trees.lending import Lending
from mirrorfs.trees.local import Backup, LocalTree, Writing
from mirrorfs.trees.local.entry import entry_of
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.read import read_xattrs

pytestmark = pytest.mark.root

CANARY = b"CANARY"
STRANGER = 4242
ACL = bytes.fromhex(  # user::rw-, user:1000:rw-, group::r--, mask::rw-, other::r--
    "0200000001000600ffffffff02000600e803000004000400ffffffff10000600ffffffff20000400ffffffff"
)
LEFTOVER = ".mirrorfs-00000000-0badcafe.tmp"


def populate(directory: Path, text: bytes) -> None:
    """What is on both sides and, under the same names, outside."""
    directory.mkdir()
    for name in ("file", "leader", "moved"):
        (directory / name).write_bytes(text * 40)
        os.setxattr(directory / name, "user.text", text)
    with open(directory / "large", "wb") as file:
        file.write(text)
        file.truncate(400_000)
    (directory / "sub").mkdir()
    (directory / "link").symlink_to(os.fsdecode(text))


@dataclass
class Scene:
    """``real`` and ``origin`` are the directories ``d`` of destination and source, held: they are
    what they are wherever their names lead at the moment."""

    top: Path
    source: LocalTree
    destination: LocalTree
    lending: Lending
    real: int
    origin: int

    def there(self, name: str, directory: int | None = None) -> Entry | None:
        """What the destination really holds."""
        try:
            st = os.stat(name, dir_fd=directory or self.real, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return entry_of(st)

    def wanted(self, name: str) -> Entry:
        """What a plan made before the flips would want."""
        st = os.stat(name, dir_fd=self.origin, follow_symlinks=False)
        xattrs = (("system.posix_acl_access", ACL), ("user.mine", b"1"))
        return entry_of(st, "planned" if stat.S_ISLNK(st.st_mode) else "", xattrs)

    def action(self, verb: Verb, name: str, **given: object) -> Action:
        stage = {Verb.DELETE: Stage.DELETE, Verb.RENAME: Stage.RENAME}.get(verb, Stage.CONTENT)
        fields = {"want": None, "expect": None, "reason": "a test", "stage": stage} | given
        return Action(verb=verb, path=f"d/{name}", **fields)

    def transfer(self, name: str, source_name: str = "") -> list[Outcome]:
        """Create or replace, as whoever looked just now would."""
        now = self.there(name)
        want = self.wanted(source_name or name)
        verb = Verb.CREATE if now is None else Verb.UPDATE
        return self.destination.transfer(
            [self.action(verb, name, want=want, expect=now)], self.source
        )


def present(scene: Scene) -> None:
    """There is a file again, if the flips took it."""
    with suppress(OSError):
        fd = os.open("file", os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=scene.real)
        os.write(fd, b"destination")
        os.close(fd)


def create(scene: Scene) -> object:
    with suppress(OSError):
        os.unlink("file", dir_fd=scene.real)
    return scene.transfer("file")


def replace(scene: Scene) -> object:
    present(scene)
    return scene.transfer("file")


def symlink(scene: Scene) -> object:
    with suppress(OSError):
        os.unlink("link", dir_fd=scene.real)
    return scene.transfer("link")


def fifo(scene: Scene) -> object:
    with suppress(OSError):
        os.unlink("fifo", dir_fd=scene.real)
    want = scene.wanted("file")._replace(kind=Kind.FIFO, uid=1, mode=0o4777)
    return scene.destination.transfer([scene.action(Verb.CREATE, "fifo", want=want)], scene.source)


def make_directory(scene: Scene) -> object:
    with suppress(OSError):
        os.rmdir("new", dir_fd=scene.real)
    want = scene.wanted("sub")._replace(mode=0o1777, uid=1)
    return scene.destination.create_directories([scene.action(Verb.CREATE, "new", want=want)])


def unlink(scene: Scene) -> object:
    present(scene)
    return scene.destination.delete([scene.action(Verb.DELETE, "file", expect=scene.there("file"))])


def remove_directory(scene: Scene) -> object:
    """With a leftover of ours inside, which is removed with it."""
    with suppress(OSError):
        os.mkdir("sub", dir_fd=scene.real)
    with suppress(OSError):
        os.close(os.open(f"sub/{LEFTOVER}", os.O_CREAT, dir_fd=scene.real))
    return scene.destination.delete([scene.action(Verb.DELETE, "sub", expect=scene.there("sub"))])


def sweep(scene: Scene) -> object:
    with suppress(OSError):
        os.close(os.open(LEFTOVER, os.O_CREAT, dir_fd=scene.real))
    scene.destination.read("d")
    return scene.destination.sweep()


def rename(scene: Scene) -> object:
    """Out of the directory, and back."""
    out = scene.action(Verb.RENAME, "moved", expect=scene.there("moved"), origin="d/moved")
    back = out._replace(origin="e/moved")
    return [
        *scene.destination.rename([out._replace(path="e/moved")]),
        *scene.destination.rename([back]),
    ]


def link(scene: Scene) -> object:
    """To a file elsewhere, from a file elsewhere, and over one that is there."""
    present(scene)
    actions = []
    for path, origin in (
        ("d/linked", "e/leader"),
        ("e/linked", "d/leader"),
        ("d/file", "e/leader"),
    ):
        directory, name = path.split("/")
        if name == "linked":
            with suppress(OSError):
                os.unlink(name, dir_fd=scene.real if directory == "d" else None)
            (scene.top / "destination" / "e" / "linked").unlink(missing_ok=True)
        now = scene.there(name) if directory == "d" else None
        want = scene.wanted("leader")
        verb = Verb.CREATE if now is None else Verb.UPDATE
        actions.append(Action(verb, Stage.LINKS, path, want, now, "a test", origin=origin))
    return scene.destination.link(actions, scene.source)


def file_attributes(scene: Scene) -> object:
    """Of what the plan saw, and where it has not looked at the destination at all."""
    present(scene)
    saw = scene.there("file")
    want = scene.wanted("file")._replace(uid=1, mode=0o4777, mtime_ns=time.time_ns())
    plain = scene.action(Verb.ATTRIBUTES, "file", want=want)
    actions = [plain]
    if saw is not None and saw.links == 1:  # else the file would have been copied anew
        actions.append(plain._replace(expect=saw))
    return scene.destination.set_attributes(actions)


def directory_attributes(scene: Scene) -> object:
    want = scene.wanted("sub")._replace(uid=1, mode=0o1777)
    sub = scene.action(Verb.ATTRIBUTES, "sub", want=want)
    return scene.destination.set_attributes([sub, sub._replace(path="d")])


def in_place_new(scene: Scene) -> object:
    with suppress(OSError):
        os.unlink("file", dir_fd=scene.real)
    return write_in_place(scene)


def in_place(scene: Scene) -> object:
    present(scene)
    return write_in_place(scene)


def write_in_place(scene: Scene) -> object:
    with LocalTree(
        scene.top / "destination", ARCHIVE, writable=True, writing=Writing(in_place=True)
    ) as tree:
        now = scene.there("file")
        verb = Verb.CREATE if now is None else Verb.UPDATE
        action = scene.action(verb, "file", want=scene.wanted("file"), expect=now)
        return tree.transfer([action], scene.source)


def backup(scene: Scene) -> object:
    """Beside the file, by a link and by a copy, when it is replaced and when it goes."""
    for in_place in (False, True):
        present(scene)
        writing = Writing(Backup(suffix="~"), in_place=in_place)
        with LocalTree(scene.top / "destination", ARCHIVE, writable=True, writing=writing) as tree:
            if (now := scene.there("file")) is not None:
                action = scene.action(Verb.UPDATE, "file", want=scene.wanted("file"), expect=now)
                tree.transfer([action], scene.source)
                tree.delete([scene.action(Verb.DELETE, "file", expect=scene.there("file"))])
    return None


def inside(tree: LocalTree, path: str, names: list[str] | None = None) -> None:
    """Read a directory, and see nothing of what lies outside."""
    with suppress(TreeError):
        for entry in tree.read(path, names).entries.values():
            assert entry.uid != STRANGER or entry.kind is Kind.SYMLINK
            assert all(CANARY not in value for _, value in entry.xattrs or ())
            assert CANARY not in os.fsencode(entry.target)


def listing(scene: Scene) -> object:
    return [inside(tree, "d") for tree in (scene.destination, scene.source)]


def names(scene: Scene) -> object:
    found = ["file", "sub", "link", "large"]
    return [inside(tree, "d", found) for tree in (scene.destination, scene.source)]


def deeper(scene: Scene) -> object:
    return [inside(tree, "d/sub") for tree in (scene.destination, scene.source)]


def content(scene: Scene) -> object:
    for tree in (scene.destination, scene.source):
        with suppress(TreeError), tree.open("d/file") as file:
            assert CANARY not in file.read(10_000)
            assert all(CANARY not in value for _, value in file.stat().xattrs or ())
    return None


def comparison(scene: Scene) -> object:
    return scene.source.same_content("d", ["file", "large"], scene.destination)


def copy_sparse(scene: Scene) -> object:
    return scene.transfer("large")


def lent(scene: Scene) -> object:
    """The bytes come from another tree that holds the same (--copy-dest)."""
    scene.lending.begin()
    want = scene.wanted("file")
    scene.lending.lend("d/file", want, scene.source, want)
    action = scene.action(Verb.UPDATE, "file", want=want, expect=scene.there("file"))
    return scene.destination.transfer([action], scene.lending)


def everything(scene: Scene) -> object:
    """A whole pass, as `mirrorfs sync -a` makes it."""
    return full(scene.source, scene.destination, ARCHIVE, ignore_errors=True)


Operation = Callable[[Scene], object]
WRITING: dict[Operation, str] = {
    create: "file", replace: "file", symlink: "link", fifo: "fifo", make_directory: "new",
    unlink: "file", remove_directory: "sub", sweep: LEFTOVER, rename: "moved", link: "leader",
    file_attributes: "file", directory_attributes: "sub", in_place: "file",
    in_place_new: "file", backup: "file", everything: "file",
}  # fmt: skip
READING: dict[Operation, str] = {
    listing: "sub", names: "file", deeper: "sub", content: "file", comparison: "file",
    symlink: "link", create: "file", replace: "file", copy_sparse: "large", in_place: "file",
    lent: "file", link: "leader", everything: "file",
}  # fmt: skip
READERS = (listing, names, deeper, content, comparison)  # of both trees
TEMPORARY = (create, replace, symlink, fifo, link)
HARD = (create, replace, unlink, link, in_place, in_place_new, file_attributes, everything)
# passes in all, those begun while the real thing was there, or the other, those it flipped during
Enough = Callable[[int, int, int, int], bool]
CASES = [
    *((side, what, operation) for side, operations in (
        ("source", READING), ("destination", dict.fromkeys(READERS) | WRITING)
    ) for operation in operations for what in ("directory", "thing")),
    *(("destination", what, operation)
      for operation in TEMPORARY for what in ("temporary", "hard temporary")),
    *(("destination", "hard thing", operation) for operation in HARD),
]  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    for side in ("source", "destination"):
        (tmp_path / side).mkdir()
        populate(tmp_path / side / "d", side.encode())
        populate(tmp_path / side / "e", side.encode())
    outside = tmp_path / "outside"
    populate(outside, CANARY)
    (outside / "CANARY-name").touch()
    (outside / LEFTOVER).write_bytes(CANARY)
    (outside / "sub" / LEFTOVER).write_bytes(CANARY)
    for place in (outside, *outside.rglob("*")):
        os.chown(place, STRANGER, STRANGER, follow_symlinks=False)
        if not place.is_symlink():
            os.chmod(place, 0o705)
        os.utime(place, ns=(1, 2), follow_symlinks=False)
    real, origin = (
        os.open(tmp_path / side / "d", os.O_RDONLY) for side in ("destination", "source")
    )
    with (
        LocalTree(tmp_path / "source", ARCHIVE) as source,
        LocalTree(tmp_path / "destination", ARCHIVE, writable=True, fsync="replace") as destination,
    ):
        yield Scene(tmp_path, source, destination, Lending(source), real, origin)
    os.close(real)
    os.close(origin)


def canary(outside: Path, *, linked: bool = False) -> dict[str, tuple]:
    """All there is to see of the outside, without a trace of the one who looks. ``linked``: the
    hostile user gives it names himself, which shows in its change time."""
    st = os.lstat(outside)
    below: dict[str, tuple] = {}
    text, attributes = b"", {}
    if not stat.S_ISLNK(st.st_mode):
        fd = os.open(outside, os.O_RDONLY | os.O_NOATIME)
        if stat.S_ISREG(st.st_mode):
            text = os.read(fd, 1 << 20)
        else:
            for name in os.listdir(fd):
                below |= canary(outside / name, linked=linked)
        attributes = {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
        os.close(fd)
    seen = (
        *(st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns, st.st_atime_ns),
        *((0, 0) if linked else (st.st_ctime_ns, st.st_nlink)),
        *(text, attributes),
    )
    return {str(outside): seen} | below


def flipper(scene: Scene, side: str, what: str, operation: Operation) -> Flipper:
    d, outside = scene.top / side / "d", scene.top / "outside"
    name = (READING if side == "source" else READING | WRITING)[operation]
    partner = scene.top / "partner"
    if what == "directory":
        return exchanging(d, outside, partner)
    if what == "thing" and os.path.lexists(d / name):
        return exchanging(d / name, outside / name, partner)
    target = outside / "file"
    if "temporary" in what:
        name = Temporaries("00000000", ".tmp").claim("", name)
    return appearing(d / name, target, hard="hard" in what)


def verify(scene: Scene, what: str) -> None:
    """Nothing of what lies outside is in the mirror."""
    linked = "hard" in what
    for directory, below, files in os.walk(scene.top / "destination"):
        for name in (*below, *files):
            place = os.path.join(directory, name)
            st = os.lstat(place)
            assert "CANARY" not in name
            if stat.S_ISLNK(st.st_mode) or (linked and st.st_nlink > 1):
                continue
            assert all(CANARY not in value for _, value in read_xattrs(place))
            if stat.S_ISREG(st.st_mode):
                assert CANARY not in Path(place).read_bytes()


def operate(scene: Scene, operation: Operation) -> None:
    with suppress(TreeError, MirrorError):
        scene.source.begin()
        scene.destination.begin()
        operation(scene)


def identified(value: object) -> str:
    return getattr(value, "__name__", str(value)).replace("_", " ")


def step_by_step(scene: Scene, side: str, what: str, operation: Operation, *, back: int) -> None:
    """It flips once in front of each call: from the real thing to the other, and (in front of each
    ``back``-th) back."""
    before = canary(scene.top / "outside", linked="hard" in what)
    flips = flipper(scene, side, what, operation)
    operate(scene, operation)
    for already, step in ((False, 1), (True, back)):
        number, met = 1, "begin"
        while met:
            if already:
                flips.flip()
            met = in_front_of(number, flips.flip, lambda: operate(scene, operation))
            flips.home()
            after = canary(scene.top / "outside", linked="hard" in what)
            assert after == before, f"in front of {met}, call {number}"
            number += step
        assert number > 5
    verify(scene, what)


@pytest.mark.parametrize(("side", "what", "operation"), CASES, ids=identified)
def test_no_gap_between_two_calls_leads_outside(scene, side, what, operation):
    step_by_step(scene, side, what, operation, back=7)


def attack(scene: Scene, side: str, what: str, operation: Operation, enough: Enough) -> None:
    """Operate while another process flips as fast as it can."""
    before = canary(scene.top / "outside", linked="hard" in what)
    with flipper(scene, side, what, operation) as flips:
        passes = [0, 0, 0, 0]
        began = time.monotonic()
        while not enough(*passes):
            assert time.monotonic() - began < 120, (passes, flips.count)
            count = flips.count
            operate(scene, operation)
            passes[0] += 1
            passes[1 + count % 2] += 1
            passes[3] += flips.count != count
    print(passes, flips.count)
    assert canary(scene.top / "outside", linked="hard" in what) == before
    verify(scene, what)


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("what", ["directory", "thing"])
def test_nothing_outside_is_touched(scene, side, what):
    attack(scene, side, what, everything, lambda _, real, other, during: (
        min(real, other, during) >= 8))  # fmt: skip


@pytest.mark.torture
@pytest.mark.parametrize(("side", "what", "operation"), CASES, ids=identified)
def test_nothing_outside_is_touched_for_long(scene, side, what, operation):
    step_by_step(scene, side, what, operation, back=1)
    until = time.monotonic() + 10
    attack(scene, side, what, operation, lambda *_: time.monotonic() > until)
