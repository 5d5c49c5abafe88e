"""What is released: every file under version control that belongs in it, and nothing else.

`make wheel-files` writes wheel-files.txt anew after a module came or went; the difference is then
read in review. A package that was forgotten shows twice: here, and against the files git knows.
"""

import os
import pty
import select
import signal
import subprocess
import sys
import tarfile
import venv
import zipfile
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.process import until

import mirrorfs
from mirrorfs.cli import COMMANDS

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("wheel-files.txt")
NATIVE = (
    "mirrorfs.trees.local.native.compiled, mirrorfs.view.unopened.compiled, "
    "mirrorfs.view.rows.compiled"
)


def call(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> set[str]:
    """The files git knows, where they are there. Whom the checkout belongs to does not matter."""
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    return {name for name in call(*git).split("\0") if name and (ROOT / name).is_file()}


def build(kind: str, folder: Path, **environ: str) -> Path:
    """Build a `wheel` or `sdist` from a copy of the tracked files, without the network."""
    source = folder / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "-o", str(folder)]
    call(*command, str(source), env=os.environ | environ)
    (built,) = folder.glob("mirrorfs-*")
    return built


def files_in(wheel: Path) -> list[str]:
    """The names in a wheel, but for what was compiled; its version left out."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith(".so")]
    return sorted(name.replace(f"-{mirrorfs.__version__}.", ".") for name in names)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_has_exactly_the_listed_files(wheel: Path) -> None:
    assert files_in(wheel) == LIST.read_text().splitlines(), "if it is meant: make wheel-files"


def test_wheel_has_every_tracked_file_of_both_packages(wheel: Path) -> None:
    packages = ("mirrorfs/", "journal/")
    inside = {name for name in files_in(wheel) if name.startswith(packages)}
    units = {f"mirrorfs/{name}" for name in tracked() if name.startswith("systemd/")}
    assert inside == units | {name for name in tracked() if name.startswith(packages)}
    assert {"mirrorfs/py.typed", "journal/py.typed"} <= inside


def test_wheel_names_its_version_license_and_command(wheel: Path) -> None:
    info = f"mirrorfs-{mirrorfs.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert f"\nVersion: {mirrorfs.__version__}\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    assert "\nmirrorfs = mirrorfs.__main__:program\n" in commands


def test_sdist_has_every_tracked_file(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == tracked() | {"PKG-INFO"}


class Installed:
    """An environment of its own; only the dependencies come from the one the tests run in."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._site = Path(pytest.__file__).parents[1]  # its .pth files are not read

    def run(self, *command: str | Path, **environment: str) -> str:
        paths = f"{self.place}/bin:{os.environ['PATH']}"
        env = {
            "PYTHONPATH": str(self._site),
            "PATH": paths,
            "LANG": "C.UTF-8",
            "HOME": str(self.place.parent),
        }
        return call(*command, cwd=self.place.parent, env=env | environment)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install"]
    call(*pip, "--no-index", "--no-deps", wheel)
    files = place.parent / ".config/mirrorfs"
    files.mkdir(parents=True)
    (files / "my-mirror.toml").touch()
    return Installed(place)


def test_an_installed_wheel_runs(installed: Installed) -> None:
    show = f"import mirrorfs, journal, {NATIVE}; print(mirrorfs.__file__, journal.__file__)"
    places = installed.run("python", "-c", show).split()
    assert all(Path(name).is_relative_to(installed.place) for name in places)
    assert mirrorfs.__version__ in installed.run("mirrorfs", "--version")
    assert mirrorfs.__version__ in installed.run("python", "-m", "mirrorfs", "--version")


def test_each_command_has_a_manual_page_that_man_understands(installed: Installed) -> None:
    shown = installed.run("man", "mirrorfs-sync", MANPATH=f"{installed.place}/share/man")
    assert "make DST identical to SRC, once" in shown and "--dry-run" in shown
    pages = sorted((installed.place / "share/man").rglob("*.[15]"))
    commands = {f"mirrorfs-{command}.1" for command in COMMANDS}
    assert {page.name for page in pages} == {"mirrorfs.1", "mirrorfs.toml.5"} | commands
    judge = ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"]
    assert subprocess.run([*judge, *pages], capture_output=True, check=True).stderr == b""


def test_bash_completes(installed: Installed) -> None:
    def complete(*words: str) -> set[str]:
        script = f"""
            source /usr/share/bash-completion/bash_completion
            _completion_loader mirrorfs
            COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}
            _mirrorfs; printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        share = f"{installed.place}/share"
        return set(installed.run("bash", "-c", script, XDG_DATA_DIRS=share).split())

    assert {"sync", "status"} <= complete("mirrorfs", "s")
    assert complete("mirrorfs", "sync", "--dry") == {"--dry-run"}
    assert complete("mirrorfs", "run", "--fsync", "re") == {"replace"}
    assert complete("mirrorfs", "run", "--fsync", "=", "re") == {"replace"}
    assert complete("mirrorfs", "journal", "v") == {"verify"}
    (installed.place.parent / "photos of summer").mkdir()
    assert complete("mirrorfs", "sync", "pho") == {"photos", "of", "summer"}
    assert complete("mirrorfs", "run", "my-m") == {"my-mirror"}
    assert complete("mirrorfs", "service", "enable", "my-m") == {"my-mirror"}
    assert complete("mirrorfs", "sync", "a", "my-m") == set()


def test_fish_completes(installed: Installed) -> None:
    def complete(line: str) -> set[str]:
        asked = f"complete -C {line!r}"
        said = installed.run("fish", "-c", asked, XDG_DATA_DIRS=f"{installed.place}/share")
        return {word.partition("\t")[0] for word in said.splitlines()}

    assert {"sync", "status"} <= complete("mirrorfs s")
    assert complete("mirrorfs sync --dry") == {"--dry-run"}
    assert complete("mirrorfs run --fsync re") == {"replace"}
    assert complete("mirrorfs journal v") == {"verify"}
    assert complete("mirrorfs run my-m") == {"my-mirror"}
    assert complete("mirrorfs service enable my-m") == {"my-mirror"}


def test_zsh_completes(installed: Installed) -> None:
    """What the Tab key does: zsh completes nothing without a terminal."""
    at, terminal = pty.fork()
    if at == 0:
        os.chdir(installed.place.parent)
        home = str(installed.place.parent)
        environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": home}
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
    functions = f"{installed.place}/share/zsh/site-functions"
    start = f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D; PS1=rea''dy\n"
    said = bytearray()
    try:
        os.write(terminal, start.encode())
        until(partial(_typed, terminal, said, b"ready"), "zsh to begin")
        os.write(terminal, b"mirrorfs sync --dry-r\t--fsync=rep\t")
        until(partial(_typed, terminal, said, b"--dry-run"), "zsh to complete a flag")
        until(partial(_typed, terminal, said, b"--fsync=replace"), "zsh to complete its value")
        os.write(terminal, b"\x15mirrorfs service enable my-m\t")
        until(partial(_typed, terminal, said, b"my-mirror"), "zsh to complete a mirror's name")
    finally:
        print(bytes(said))
        os.kill(at, signal.SIGKILL)
        os.waitpid(at, 0)
        os.close(terminal)


def _typed(terminal: int, said: bytearray, wanted: bytes) -> bool:
    """Whether it shows on the line."""
    while select.select([terminal], [], [], 0)[0]:
        said += os.read(terminal, 4096)
    return wanted in said


@pytest.mark.parametrize("compiler", ["/nowhere/cc", "false"])
def test_a_wheel_without_a_compiler_is_for_every_machine(
    compiler: str, wheel: Path, tmp_path: Path
) -> None:
    """Without one, and with one that fails."""
    pure = build("wheel", tmp_path, CC=compiler)
    assert pure.name.endswith("-py3-none-any.whl")
    assert files_in(pure) == files_in(wheel)
    with zipfile.ZipFile(pure) as archive:
        assert not any(name.endswith(".so") for name in archive.namelist())


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        LIST.write_text("\n".join(files_in(build("wheel", Path(folder)))) + "\n")
