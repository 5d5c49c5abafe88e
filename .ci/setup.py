"""Install what is missing, and only that; a second call is over in a fraction of a second.

    python3 .ci/setup.py run     what a mirror needs: the virtual environment and the FUSE view
    python3 .ci/setup.py dev     what lint and types need: the virtual environment alone
    python3 .ci/setup.py test    what the whole test suite needs
    python3 .ci/setup.py bench   what the benchmarks need: the peers, too
    python3 .ci/setup.py lock    write requirements.lock anew

System packages are installed by root, or through sudo. Where neither is to be had, what is missing
is named, and everything that does without goes on: a mirror needs neither root nor FUSE.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - this is what tells the user
    sys.exit("setup: Python 3.11 or newer is needed; if it has a name of its own: make PYTHON=…")

VENV = Path(".venv")  # relative, like the lock: pip splits lists of paths at spaces
PYTHON = VENV / "bin" / "python"
LOCK = "requirements.lock"


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


def works(*command: str, stdin: str = "") -> bool:
    """Whether `command` exists and succeeds; its output is nobody's business."""
    try:
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


# ---- what a package is needed for: asked by what it does, so that any distribution will do ----


def command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def can_make_venv() -> bool:
    return PYTHON.exists() or works(sys.executable, "-c", "import ensurepip")


def can_compile() -> bool:
    return works("cc", "-E", "-", stdin="#include <stdio.h>")


def has_headers() -> bool:
    return Path(sysconfig.get_path("include"), "Python.h").exists()


Needs = dict[str, Callable[[], bool]]  # Debian's name of the package: whether it is there

FOR_VENV: Needs = {"python3-venv": can_make_venv}
FOR_PYFUSE3: Needs = {  # it has no wheels
    "pkg-config": command("pkg-config"),
    "libfuse3-dev": lambda: works("pkg-config", "--exists", "fuse3"),
    "gcc": command("cc"),
    "libc6-dev": can_compile,
    "python3-dev": has_headers,
}
FOR_VIEW: Needs = {"fuse3": command("fusermount3")} | FOR_PYFUSE3
FOR_TESTS: Needs = {
    "acl": command("setfacl"),
    "attr": command("setfattr"),
    "bash-completion": lambda: Path("/usr/share/bash-completion/bash_completion").exists(),
    "btrfs-progs": command("mkfs.btrfs"),
    "dosfstools": command("mkfs.vfat"),
    "dbus": command("dbus-daemon"),
    "dbus-user-session": lambda: Path("/usr/lib/systemd/user/dbus.socket").exists(),
    "e2fsprogs": command("mkfs.ext4"),
    "exfatprogs": command("mkfs.exfat"),
    "fish": command("fish"),
    "git": command("git"),
    "libpam-systemd": lambda: any(Path("/usr").glob("lib*/**/security/pam_systemd.so")),
    "lsyncd": command("lsyncd"),
    "man-db": command("man"),
    "mount": command("mount"),
    "ntfs-3g": command("mkfs.ntfs"),
    "rclone": command("rclone"),
    "jq": command("jq"),
    "rsync": command("rsync"),
    "strace": command("strace"),
    "systemd": command("systemd-analyze"),
    "util-linux": command("unshare"),
    "xfsprogs": command("mkfs.xfs"),
    "zsh": command("zsh"),
}
FOR_BENCH: Needs = {
    "inotify-tools": command("inotifywait"),
    "unison": command("unison"),
}
NEEDS = {
    "run": FOR_VENV | FOR_VIEW,
    "dev": FOR_VENV,
    "test": FOR_VENV | FOR_VIEW | FOR_TESTS,
    "bench": FOR_VENV | FOR_VIEW | FOR_TESTS | FOR_BENCH,
}
WHOLE = ("test", "bench")  # levels that hold all Python packages


def missing(needs: Needs) -> list[str]:
    built = any(VENV.glob("lib/python3*/site-packages/pyfuse3-*"))
    skip = FOR_PYFUSE3.keys() if built else ()
    return [name for name, there in needs.items() if name not in skip and not there()]


# ---- system packages --------------------------------------------------------------------------


def as_root(ask: bool) -> list[str] | None:
    """The words that give a command the rights of root. A password is asked for only with `ask`."""
    if os.geteuid() == 0:
        return []
    if works("sudo", "-n", "true"):
        return ["sudo", "-n"]
    if ask and shutil.which("sudo") and sys.stdin.isatty() and sys.stderr.isatty():
        return ["sudo"]
    return None


def install_packages(root: list[str], names: list[str]) -> None:
    get = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q"]
    get += ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"]
    with tempfile.TemporaryFile() as log:

        def run(*words: str) -> bool:
            done = subprocess.run(
                [*get, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
            return done.returncode == 0

        def install(*words: str) -> bool:
            return run("install", "--no-install-recommends", *words)

        if install(*names):
            return
        run("update")  # lists that are missing or old are the usual cause
        if install(*names):
            return
        # A name that this release does not have must not keep the others out.
        failed = [name for name in names if not install(name)]
        log.seek(0)
        tail = log.read().decode(errors="replace").splitlines()[-8:]
    if failed:
        say(f"apt-get could not install {' '.join(failed)}:")
        print(*tail, sep="\n", file=sys.stderr)


def system_packages(level: str) -> None:
    names = missing(NEEDS[level])
    # What a fresh checkout could not have is asked for again by the tests, not by every mirror.
    first = not is_current(level)
    if names and (first or level in WHOLE) and shutil.which("apt-get"):
        root = as_root(ask=first)
        if root is not None:
            say(f"installing system packages: {' '.join(names)}")
            install_packages(root, names)
            names = missing(NEEDS[level])
    if names:
        say(f"missing on this machine; to have it: sudo apt install {' '.join(names)}")


# ---- the virtual environment ------------------------------------------------------------------


def stamp(level: str) -> Path:
    return VENV / f"installed-{level}"


def key() -> str:
    """Changes with all that an installation depends on, so that libfuse3-dev added later counts."""
    digest = hashlib.sha256(sys.version.encode())
    compiled = [*Path("mirrorfs").rglob("*.px[iy]"), *Path("mirrorfs").rglob("*.[ch]")]
    for name in ("pyproject.toml", LOCK, __file__, ".ci/compile.py", *sorted(compiled)):
        digest.update(Path(name).read_bytes())
    return f"{digest.hexdigest()} without: {' '.join(missing(FOR_PYFUSE3))}"


def is_current(level: str) -> bool:
    try:
        return stamp(level).read_text() == key() and PYTHON.exists()
    except OSError:
        return False


def make_venv() -> None:
    if works(str(PYTHON), "-c", "import pip"):
        return
    tried = [
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        ["virtualenv", "-q", "-p", sys.executable, str(VENV)],
        ["uv", "venv", "-q", "--clear", "--seed", "-p", sys.executable, str(VENV)],
    ]
    for words in tried:
        if works(*words):
            return
    shutil.rmtree(VENV, ignore_errors=True)  # half an environment
    sys.exit("setup: no virtual environment can be made without python3-venv, virtualenv or uv")


def pip_install(extras: list[str], log: Path) -> bool:
    # The lock holds while a package is built, too; newer versions of pip have a name for that.
    environ = os.environ | {
        "PIP_CONSTRAINT": LOCK,
        "PIP_BUILD_CONSTRAINT": LOCK,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    target = f".[{','.join(extras)}]" if extras else "."
    words = [str(PYTHON), "-m", "pip", "install", "-q", "-e", target]
    with log.open("wb") as out:
        done = subprocess.run(words, env=environ, stdout=out, stderr=out, check=False)
    return done.returncode == 0


def python_packages(level: str) -> None:
    if is_current(level):
        return
    make_venv()
    extras = [] if level == "run" else ["dev"]
    log = VENV / "install.log"
    with_view = not missing(FOR_PYFUSE3)
    compiling = " (compiling pyfuse3 takes about half a minute)" if with_view else ""
    say(f"installing Python packages into .venv{compiling}")
    with_view = with_view and pip_install([*extras, "fuse"], log)
    if not with_view and not pip_install(extras, log):
        sys.stderr.write(log.read_text(errors="replace"))
        sys.exit("setup: the Python packages could not be installed")
    if not with_view:
        say("without the FUSE view: pyfuse3 could not be built here; everything else works")
    now = key()
    for covered in NEEDS if level in WHOLE else [level]:
        stamp(covered).write_text(now)


def write_lock() -> None:
    """Resolve the newest versions in an environment of its own, and write them down."""
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/bin/python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", ".[dev,fuse]"], check=True)
        freeze = [python, "-m", "pip", "freeze", "--exclude", "mirrorfs"]
        versions = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    title = "# The versions `make test` runs with. Written by `make lock`; do not edit.\n"
    Path(LOCK).write_text(title + versions)


def main(arguments: list[str]) -> None:
    os.chdir(Path(__file__).resolve().parent.parent)
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"  # mkfs is not on a user's path
    match arguments:
        case ["lock"]:
            write_lock()
        case [level] if level in NEEDS:
            system_packages(level)
            python_packages(level)
        case _:
            sys.exit(f"usage: python3 .ci/setup.py lock|{'|'.join(NEEDS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
