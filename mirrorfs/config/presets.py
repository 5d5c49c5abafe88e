"""What people leave out of a mirror, as data with reasons. `init` offers it, and writes it down.

Law: only names that say what they are. A directory called `build` or `target` may hold somebody's
only copy, so it is not here; most of those that a tool can make again carry a CACHEDIR.TAG.
"""

from typing import NamedTuple


class Preset(NamedTuple):
    """``exclude`` and ``tagged`` are the values of `exclude` and `exclude-if-present`, each with
    its reason; ``usual``: offered as the answer."""

    name: str
    title: str
    exclude: tuple[tuple[str, str], ...]
    tagged: tuple[tuple[str, str], ...] = ()
    usual: bool = False


PRESETS: tuple[Preset, ...] = (
    Preset(
        "caches",
        "caches: what programs fetch or compute again",
        (
            (".cache/**", "caches of the desktop's programs"),
            (".thumbnails/**", "small pictures of files that are there"),
            (".var/app/*/cache/**", "caches of Flatpak's programs"),
            (".config/**/{Cache,Code Cache,GPUCache,CachedData}/**", "of Chromium and its kin"),
            (".npm/_cacache/**", "packages that npm fetched"),
            (".gradle/caches/**", "packages that Gradle fetched"),
            ("__pycache__/**", "Python's compiled modules"),
            (".{mypy,pytest,ruff}_cache/**", "what Python's tools remember"),
        ),
        (("CACHEDIR.TAG", "whoever puts this file there says: a cache (bford.info/cachedir)"),),
        usual=True,
    ),
    Preset(
        "builds",
        "build trees: what compilers and package managers make from the rest",
        (
            ("node_modules/**", "npm install makes it again"),
            (".venv/**", "an environment of Python, tied to its place"),
            (".tox/**", "the same, for tests"),
            (".nox/**", "the same, for tests"),
            (".gradle/**", "Gradle's work in a project"),
            (".next/**", "what Next.js builds"),
            ("CMakeFiles/**", "what CMake writes"),
            ("*.o", "compiled C and C++"),
        ),
        (("CACHEDIR.TAG", "Cargo marks its target directories so"),),
    ),
    Preset(
        "trash",
        "trash: what was thrown away",
        (
            (".local/share/Trash/**", "the desktop's trash"),
            (".Trash-*/**", "the trash of a drive"),
            ("/lost+found/**", "what a repair of the file system found; root's alone"),
            ("$RECYCLE.BIN/**", "Windows' trash"),
            ("/System Volume Information/**", "Windows' own"),
        ),
        usual=True,
    ),
    Preset(
        "temporary",
        "temporary files of editors and downloads",
        (
            ("*~", "an editor's copy of the version before"),
            ("*.tmp", "temporary by its name"),
            (".*.sw[a-p]", "Vim, while a file is open"),
            (".~lock.*#", "LibreOffice, while a file is open"),
            ("*.{part,crdownload}", "downloads that are not complete"),
        ),
    ),
    Preset(
        "machines",
        "virtual machines and containers: large, always changing, torn when copied while they run",
        (
            ("*.{qcow2,vdi,vmdk,vhdx}", "disks of virtual machines"),
            ("VirtualBox VMs/**", "VirtualBox"),
            (".local/share/{gnome-boxes,libvirt}/images/**", "GNOME Boxes and libvirt"),
            (".local/share/containers/storage/**", "Podman's images, fetched again"),
            (".local/share/docker/**", "Docker without root"),
        ),
    ),
)

BY_NAME = {preset.name: preset for preset in PRESETS}
