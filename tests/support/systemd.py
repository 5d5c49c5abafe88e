"""A real systemd, started in a third of a second: PID 1 of namespaces of its own.

Law: nothing of this machine is changed. The root is an overlay whose changes lie in a tmpfs of a
private mount namespace; when the PID 1 is killed, its processes, mounts and files are gone, and so
is it when the tests are.

    with Systemd(tmp_path) as machine:
        machine.unit("hello.service", "[Service]\\nExecStart=/bin/true\\n")
        machine.systemctl("start", "hello")

All of this machine's files are visible inside, but for /tmp, /dev and /run; the places given are
shared, at the same path. What the processes inside write elsewhere stays inside. Needs root,
cgroup2, and the packages systemd, systemd-sysv, dbus and, for users, libpam-systemd.
"""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from support.process import until

ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# Not wanted here: hardware, networks, the machine's own services.
MASKED = """
systemd-udevd.service systemd-udev-trigger.service systemd-modules-load.service
systemd-timesyncd.service systemd-remount-fs.service systemd-sysctl.service
systemd-random-seed.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
kmod-static-nodes.service systemd-networkd.service systemd-resolved.service lsyncd.service
getty.target console-getty.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer
"""

BOOT = r"""
set -euo pipefail
S=$1; shift
mount --make-rprivate /
mount -t tmpfs -o size=2g tmpfs "$S"; mkdir "$S/u" "$S/w" "$S/r"
R="$S/r"
mkdir "$S/h"; mount --bind / "$S/h"
mount -t overlay overlay -o "lowerdir=$S/h,upperdir=$S/u,workdir=$S/w" "$R"
mount -t proc proc "$R/proc"
mount -t sysfs -o ro sysfs "$R/sys"
mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$R/dev"
mk() { mknod -m "$2" "$R/dev/$1" "$3" "$4" "$5"; }
mk null 666 c 1 3; mk zero 666 c 1 5; mk full 666 c 1 7
mk random 666 c 1 8; mk urandom 666 c 1 9; mk tty 666 c 5 0
mk fuse 666 c 10 229; mk autofs 600 c 10 235; mk loop-control 660 c 10 237
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mk loop$i 660 b 7 $i; done
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"; mount -t tmpfs tmpfs "$R/dev/shm"
ln -s /proc/self/fd "$R/dev/fd"; ln -s fd/0 "$R/dev/stdin"
ln -s fd/1 "$R/dev/stdout"; ln -s fd/2 "$R/dev/stderr"
mount -t tmpfs -o mode=755 tmpfs "$R/run"; mkdir -p "$R/run/lock"
mount -t tmpfs -o mode=1777 tmpfs "$R/tmp"
for shared in "$@"; do mkdir -p "$R$shared"; mount --bind "$shared" "$R$shared"; done
mkdir -p "$R/etc/systemd/system"
rm -rf "$R"/etc/systemd/system/*.wants "$R"/etc/systemd/system/*.service
for unit in $MASKED; do ln -sf /dev/null "$R/etc/systemd/system/$unit"; done
ln -sf /lib/systemd/system/multi-user.target "$R/etc/systemd/system/default.target"
: > "$R/etc/fstab"
rm -f "$R/etc/machine-id"
head -c16 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$R/etc/machine-id"
echo >> "$R/etc/machine-id"
chmod 711 "$R/root"  # other users may run what is installed below it
cd "$R"; mkdir -p .old; pivot_root . .old; umount -l /.old
# Without this no sandboxed unit would see a mount that is made after it started.
mount --make-rshared /
exec env -i container=mirrorfs-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --log-target=console --log-level=info --show-status=1 </dev/null
"""


class Systemd:
    """A context manager: booted when it is entered, gone when it is left.

    ``directory``: an empty place for its console and its root; ``shared``: directories that are the
    same inside; the sources and the interpreter of the tests always are.
    """

    def __init__(self, directory: Path, *shared: Path) -> None:
        self._directory = directory / "systemd"
        self._directory.mkdir()
        # Not below a shared place: its own root would be found in it.
        self.shared = [ROOT, *shared]
        self.console = directory / "console"
        self._cgroup: Path | None = None
        self._booted: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException:
            self._print()
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._print()
        self.kill()

    def _boot(self) -> None:
        self._cgroup = _cgroups() / f"mirrorfs-test-{os.getpid()}-{time.monotonic_ns()}"
        self._cgroup.mkdir()
        processes = str(self._cgroup / "cgroup.procs")

        def begin() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            with open(processes, "w") as file:
                file.write(str(os.getpid()))

        apart = ("--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
        command = ["unshare", *apart, "--", "bash", "-c", BOOT, "boot", str(self._directory)]
        with open(self.console, "wb") as console:
            self._booted = subprocess.Popen(
                [*command, *map(str, self.shared)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "MASKED": MASKED},
                start_new_session=True,
                preexec_fn=begin,
            )
        self.pid = until(self._find, "systemd to be executed")
        until(self._runs, "systemd to be running")

    def _find(self) -> int:
        assert self._booted is not None
        assert self._booted.poll() is None, self.console.read_text(errors="replace")[-2000:]
        above = self._booted.pid
        children = Path(f"/proc/{above}/task/{above}/children").read_text().split()
        with suppress(OSError, IndexError):
            if Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
                return int(children[0])
        return 0

    def _runs(self) -> bool:
        said = self.run("systemctl", "is-system-running", code=None).stdout
        return said.strip() in ("running", "degraded")

    def kill(self) -> None:
        """A power cut: every process inside ends at once."""
        if self._booted is not None:
            if self.pid:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            self._booted.kill()
            self._booted.wait()
            self._booted = None
        if self._cgroup is not None:
            below = [Path(where) for where, _, _ in os.walk(self._cgroup, topdown=False)]
            until(lambda: all(_removed(group) for group in below), "the control groups to be empty")
            self._cgroup = None

    def run(
        self,
        *command: str | Path,
        code: int | None = 0,
        user: str = "",
        within: float = 60,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """A command inside that ends by itself, as ``user`` with that user's manager at hand;
        ``code`` it must end with (None: any)."""
        words = [str(word) for word in command]
        if user:
            number = self.run("id", "-u", user).stdout.strip()
            home = f"XDG_RUNTIME_DIR=/run/user/{number}"
            words = ["runuser", "-u", user, "--", "env", home, *words]
        entering = ["nsenter", "-t", str(self.pid), "--all", "--", *words]
        done = subprocess.run(
            entering, capture_output=True, text=True, timeout=within, check=False, input=stdin
        )
        assert code in (None, done.returncode), (words, done.returncode, done.stdout, done.stderr)
        return done

    def run_until(self, *command: str | Path) -> None:
        """Again and again, until it succeeds."""
        until(lambda: self.run(*command, code=None).returncode == 0, f"{command} to succeed")

    def systemctl(self, *words: str, user: str = "", **how: int | None) -> str:
        """What systemctl says; ``user``: of that user's manager."""
        asked = ("systemctl", *(("--user",) if user else ()), *words)
        return self.run(*asked, user=user, code=how.get("code", 0)).stdout.strip()

    def show(self, unit: str, what: str, *, user: str = "") -> str:
        """One property of a unit."""
        return self.systemctl("show", "-P", what, unit, user=user)

    def unit(self, name: str, text: str, *, user: str = "") -> None:
        """Write a unit, or a drop-in ("name.service.d/name.conf"), and have it read."""
        home = f"/home/{user}/.config/systemd/user" if user else "/etc/systemd/system"
        self.write(f"{home}/{name}", text, user=user)
        self.systemctl("daemon-reload", user=user)

    def write(self, path: str, text: str, *, user: str = "") -> None:
        """A file inside, with the directories above it."""
        quoted = shlex.quote(path)
        script = f'mkdir -p "$(dirname {quoted})" && cat > {quoted}'
        self.run("sh", "-c", script, user=user, stdin=text)

    def read(self, path: str) -> str:
        return self.run("cat", path).stdout

    def add_user(self, name: str) -> None:
        """A user whose manager runs without a session (linger)."""
        self.run("useradd", "-m", name)
        self.run("loginctl", "enable-linger", name)
        number = self.run("id", "-u", name).stdout.strip()
        bus = f"/run/user/{number}/bus"
        until(lambda: self.run("test", "-S", bus, code=None).returncode == 0, "the user's manager")

    def log(self, unit: str, *, user: str = "") -> str:
        """What a unit said."""
        self.run("journalctl", "--sync")
        field = "_SYSTEMD_USER_UNIT" if user else "_SYSTEMD_UNIT"
        name = unit if "." in unit else f"{unit}.service"
        return self.run("journalctl", "--no-pager", "-o", "cat", f"{field}={name}").stdout

    def main_pid(self, unit: str, *, user: str = "") -> int:
        """The process number of a unit's main process inside; 0 when it has none."""
        return int(self.show(unit, "MainPID", user=user))

    def reaches(self, unit: str, state: str, *, user: str = "") -> None:
        """Wait until a unit is in a state, such as "active" or "failed"."""
        until(lambda: self.show(unit, "ActiveState", user=user) == state, f"{unit} to be {state}")

    def _print(self) -> None:
        with suppress(OSError):
            print(f"---- {self.console}\n{self.console.read_text(errors='replace')[-4000:]}")


def program() -> str:
    """The command line of mirrorfs inside."""
    return f"{sys.executable} -m mirrorfs"


def _cgroups() -> Path:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(point)
    raise AssertionError("no cgroup2 is mounted here")


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
