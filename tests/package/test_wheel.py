"""What is released: every file under version control that belongs in it, and nothing else.

`make wheel-files` writes wheel-files.txt anew after a module came or went; the difference is then
read in review. A package that was forgotten shows twice: here, and against the files git knows.
"""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import mirrorfs

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("wheel-files.txt")


def call(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> set[str]:
    """The files git knows, where they are there. Whom the checkout belongs to does not matter."""
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    return {name for name in call(*git).split("\0") if name and (ROOT / name).is_file()}


def build(kind: str, folder: Path) -> Path:
    """Build a `wheel` or `sdist` from a copy of the tracked files, without the network."""
    source = folder / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "-o", str(folder)]
    call(*command, str(source))
    (built,) = folder.glob("mirrorfs-*")
    return built


def files_in(wheel: Path) -> list[str]:
    """The names in a wheel, its version left out."""
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name.replace(f"-{mirrorfs.__version__}.", ".") for name in archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_has_exactly_the_listed_files(wheel: Path) -> None:
    assert files_in(wheel) == LIST.read_text().splitlines(), "if it is meant: make wheel-files"


def test_wheel_has_every_tracked_file_of_both_packages(wheel: Path) -> None:
    packages = ("mirrorfs/", "journal/")
    inside = {name for name in files_in(wheel) if name.startswith(packages)}
    assert inside == {name for name in tracked() if name.startswith(packages)}
    assert {"mirrorfs/py.typed", "journal/py.typed"} <= inside


def test_wheel_names_its_version_license_and_command(wheel: Path) -> None:
    info = f"mirrorfs-{mirrorfs.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert f"\nVersion: {mirrorfs.__version__}\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    assert "\nmirrorfs = mirrorfs.cli:main\n" in commands


def test_sdist_has_every_tracked_file(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == tracked() | {"PKG-INFO"}


def test_an_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own; only the dependencies come from the one the tests run in."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    call(*pip, "--no-index", "--no-deps", wheel)
    site = Path(pytest.__file__).parents[1]  # its .pth files, the editable install, are not read

    def run(*command: str | Path) -> str:
        return call(*command, cwd=tmp_path, env={"PYTHONPATH": str(site)})

    show = "import mirrorfs, journal; print(mirrorfs.__file__, journal.__file__)"
    assert all(Path(name).is_relative_to(tmp_path) for name in run(python, "-c", show).split())
    assert mirrorfs.__version__ in run(tmp_path / "venv/bin/mirrorfs", "--version")
    assert mirrorfs.__version__ in run(python, "-m", "mirrorfs", "--version")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        LIST.write_text("\n".join(files_in(build("wheel", Path(folder)))) + "\n")
