"""What a wheel has that git has not: manual pages and completions, made from the parser, and what
was compiled, where there is a compiler.

hatchling calls this while it builds a wheel. It imports mirrorfs from the tree that is built; that
needs nothing but Python. The units are put into the package, where `mirrorfs service` finds them;
an editable installation has them in the checkout.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.dont_write_bytecode = True  # nothing is left in the tree that is built
sys.path.insert(0, str(Path(__file__).parent))
import compile as compiling  # noqa: E402


class Made(BuildHookInterface):
    """The files, in a directory that is gone when the wheel is there."""

    _folder = ""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        try:
            from mirrorfs.cli import completion, manual
        finally:
            sys.path.remove(self.root)
        made = {f"share/man/man{name[-1]}/{name}": text for name, text in manual.pages().items()}
        made |= {f"share/{place}": make() for place, make in completion.PLACES.items()}
        self._folder = tempfile.mkdtemp(prefix="mirrorfs-build-")
        for number, (place, text) in enumerate(made.items()):
            file = Path(self._folder, str(number))
            file.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(file)] = place
        if version != "editable":
            build_data["force_include"][str(Path(self.root, "systemd"))] = "mirrorfs/systemd"

        self._compile(version, build_data)

    def dependencies(self) -> list[str]:
        return [] if compiling.obstacle() else ["cython>=3.1"]

    def _compile(self, version: str, build_data: dict[str, Any]) -> None:
        """In an editable installation in place, else for the wheel, which then is for such a
        machine only. Where it does not work all else does."""
        why, made = compiling.obstacle(), {}
        folder = None if version == "editable" else Path(self._folder)
        try:
            if not why:
                made = compiling.compile(Path(self.root), folder)
        except (OSError, subprocess.CalledProcessError) as error:
            why = str(error)
        if why:
            self.app.display_warning(
                f"nothing is compiled: {why}; comparing and copying will take longer"
            )
            return
        build_data["pure_python"], build_data["infer_tag"] = False, True
        if version != "editable":
            build_data["force_include"] |= {str(file): place for place, file in made.items()}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self._folder)
