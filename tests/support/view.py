"""The view of a plan, as a process of its own."""

import subprocess
from pathlib import Path

from support.process import Service, until


class View(Service):
    """`mirrorfs mount` as a process; `point` is where it shows the plan."""

    def __init__(
        self,
        source: Path,
        destination: Path,
        point: Path,
        *,
        state: Path,
        flags: tuple[str, ...] = (),
    ) -> None:
        super().__init__("mount", source, destination, point, state=state, flags=flags)
        self.point = point
        self.after = point / "after"
        self.pending = point / "pending"

    def start(self) -> None:
        super().start()
        until(lambda: self.lives() or "is shown at" in self.said(), "the view is mounted")

    def kill(self) -> None:
        super().kill()
        subprocess.run(["umount", "-l", self.point], capture_output=True, check=False)
