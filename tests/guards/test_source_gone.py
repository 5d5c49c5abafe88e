"""A source that is not what it was takes nothing of its mirror along: nine ways to lose it, each
while the mirror is idle, before it starts, while it reads and while it writes.

Shown by the system calls of the process: none that removes or renames a name of the destination,
but those of its own temporaries. Afterwards the source comes back, and the mirror goes on.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from support.forked import NOBODY
from support.stepping import QUIET, Stepped
from support.walker import count

FILES = 120
NESTED = "nested mount gone"


class Scene(NamedTuple):
    """``source`` is a mount of ``drive``, which lies beside ``aside`` in one file system; ``inner``
    is mounted in it where the loss is about that."""

    top: Path
    source: Path
    destination: Path
    state: Path
    drive: Path
    aside: Path
    inner: Path


@pytest.fixture
def scene(tmp_path: Path, name: str) -> Iterator[Scene]:
    os.chmod(tmp_path, 0o755)
    for above in tmp_path.parents[:3]:
        os.chmod(above, 0o755)
    top = tmp_path / "disk"
    top.mkdir()
    mount("-t", "tmpfs", "tmpfs", top)
    scene = Scene(
        top,
        tmp_path / "source",
        top / "destination",
        top / "state",
        top / "drive",
        top / "aside",
        top / "inner",
    )
    for place in (scene.source, scene.drive, scene.aside, scene.inner):
        place.mkdir()
    for directory in ("d0", "d1", "d2"):
        (scene.drive / directory).mkdir()
        for number in range(FILES):
            (scene.drive / directory / f"file{number}").write_text(directory)
    (scene.drive / "mounted").mkdir()
    (scene.drive / "file").write_text("file")
    for number in range(FILES // 4):
        (scene.inner / f"inner{number}").write_text("inner")
    mount("--bind", scene.drive, scene.source)
    if name == NESTED:
        mount("--bind", scene.inner, scene.source / "mounted")
    yield scene
    for point in (scene.source / "mounted", scene.source, scene.source, top):
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def umount(*words: object) -> bool:
    """Whether it could be: what is in use cannot, but lazily."""
    done = subprocess.run(["umount", *map(str, words)], check=False, capture_output=True)
    return not done.returncode


class Loss(NamedTuple):
    """How a source goes and comes back; ``goes`` tells whether it went. ``user``: who runs the
    mirror. ``broken``: reading its directories fails."""

    goes: Callable[[Scene], bool]
    returns: Callable[[Scene], None]
    user: int | None = None
    broken: bool = False


def mounted_again(scene: Scene) -> None:
    mount("--bind", scene.drive, scene.source)


def moved(scene: Scene, *names: str) -> bool:
    for name in names:
        (scene.drive / name).rename(scene.aside / name)
    return True


def moved_back(scene: Scene) -> None:
    for found in scene.aside.iterdir():
        found.rename(scene.drive / found.name)


def emptied(scene: Scene) -> bool:
    return moved(scene, "d0", "d1", "d2", "mounted", "file")


def missing(scene: Scene) -> bool:
    umount("-l", scene.source)
    scene.source.rmdir()
    return True


def there_again(scene: Scene) -> None:
    scene.source.mkdir()
    mounted_again(scene)


def mounted_over(scene: Scene) -> bool:
    mount("-t", "tmpfs", "tmpfs", scene.source)
    (scene.source / "other").write_text("of another file system")
    return True


def denied(scene: Scene) -> bool:
    """And something in there to be looked at."""
    for name in ("d0", "d1"):
        directory = scene.drive / name
        directory.chmod(0)
        (directory / f"more{len(os.listdir(directory))}").write_text("cannot be seen")
    return True


def allowed(scene: Scene) -> None:
    for name in ("d0", "d1"):
        (scene.drive / name).chmod(0o755)


def more(top: Path) -> list[Path]:
    """Directories that are yet to come."""
    return [top / f"d{number}" for number in range(3, 9)]


def unreadable(scene: Scene) -> bool:
    """Something to read while reading fails."""
    shutil.copytree(scene.drive / "d0", next(d for d in more(scene.drive) if not d.exists()))
    return True


def injected(scene: Scene) -> list[str]:
    """strace then knows but the directories it is told of: those that cannot be read, and, for
    what is done to them, those of the destination. The source's are read first."""
    words = ["-e", "inject=getdents64:error=EIO"]
    for top in (scene.source, scene.destination):
        for directory in (*(top / name for name in ("d0", "d1", "d2", "mounted")), *more(top)):
            words += ["-P", str(directory)]
    return [*words, "-P", str(scene.destination)]


def nested(scene: Scene) -> bool:
    return umount("-l", scene.source / "mounted")


def nested_again(scene: Scene) -> None:
    mount("--bind", scene.inner, scene.source / "mounted")


LOSSES = {
    "umount": Loss(lambda scene: umount(scene.source), mounted_again),
    "umount -l": Loss(lambda scene: umount("-l", scene.source), mounted_again),
    "empty": Loss(emptied, moved_back),
    "missing": Loss(missing, there_again),
    "another file system": Loss(mounted_over, lambda scene: umount("-l", scene.source) and None),
    NESTED: Loss(nested, nested_again),
    "half of it moved away": Loss(lambda scene: moved(scene, "d0", "d1"), moved_back),
    "EIO": Loss(unreadable, lambda scene: None, broken=True),
    "EACCES": Loss(denied, allowed, user=NOBODY),
}


@pytest.mark.root
@pytest.mark.parametrize("name", LOSSES)
def test_a_lost_source_takes_nothing_along(scene: Scene, name: str) -> None:
    loss = LOSSES[name]
    if loss.user is not None:
        subprocess.run(["chown", "-R", f"{loss.user}:{loss.user}", scene.top], check=True)
    idle(scene, loss)
    before_the_start(scene, loss)
    during(scene, loss, "scan")
    for number in range(20):
        file = scene.drive / "d2" / f"new{number}"
        file.write_text("new")
        os.chown(file, loss.user or 0, loss.user or 0)
    during(scene, loss, "apply")


def idle(scene: Scene, loss: Loss) -> None:
    with start(scene, loss) as run:
        run.recovers(names := count(scene.source))
        lose(scene, loss, run)
        check(scene, loss, run, names)


def before_the_start(scene: Scene, loss: Loss) -> None:
    names = count(scene.destination)
    assert loss.goes(scene)
    with start(scene, loss, traced=injected(scene) if loss.broken else ()) as run:
        assert run.reaches(*QUIET) != "ended"
        assert count(scene.destination) >= names
        assert run.harm() == []
        recover(scene, loss, run)


def during(scene: Scene, loss: Loss, moment: str) -> None:
    names = count(scene.destination)
    with start(scene, loss, pause=moment) as run:
        run.reached()
        lose(scene, loss, run)
        run.go()
        check(scene, loss, run, names)


def start(scene: Scene, loss: Loss, pause: str = "", traced: Sequence[str] = ()) -> Stepped:
    flags = ("--check-first",) if pause == "apply" else ()
    places = (scene.source, scene.destination, scene.state)
    return Stepped(*places, pause=pause, user=loss.user, flags=flags, traced=traced)


def lose(scene: Scene, loss: Loss, run: Stepped) -> None:
    if loss.broken:
        run.trace(*injected(scene))
    run.lost = loss.goes(scene)


def check(scene: Scene, loss: Loss, run: Stepped, names: int) -> None:
    """It has noticed, and has taken nothing away; then all is well again."""
    if not run.lost:  # in use, it could not even be unmounted
        run.recovers(count(scene.source))
        assert run.harm() == []
        return
    assert run.reaches(*QUIET) != "ended"
    assert count(scene.destination) >= names
    assert run.harm() == []
    recover(scene, loss, run)


def recover(scene: Scene, loss: Loss, run: Stepped) -> None:
    if loss.broken:
        run.trace()
    loss.returns(scene)
    run.recovers(count(scene.source))
    assert run.harm() == []
