"""Where the files lie, and what they are called.

DIRECTORY is --config-dir (or ``$MIRRORFS_CONFIG_DIR``), else ``$CONFIGURATION_DIRECTORY`` (systemd;
the first of several), else /etc/mirrorfs for root, and for everybody else
``$XDG_CONFIG_HOME/mirrorfs`` or ``~/.config/mirrorfs``.

Law: one directory at a time. A name means the same file whoever else has one of that name; a user
who wants the machine's asks for it with --config-dir /etc/mirrorfs.
"""

import os
import re
import stat
from collections.abc import Mapping

from mirrorfs.config.keys import Key
from mirrorfs.config.read import Configuration, Problem, read
from mirrorfs.core.record import record
from mirrorfs.errors import UsageError

ENDING = ".toml"
LARGEST = 1 << 20  # bytes of a file
MACHINE = "/etc/mirrorfs"
_NAME = re.compile(r"\w[\w.@+-]{0,199}")


def is_name(word: str) -> bool:
    """Whether a mirror may be called so: letters, digits, and ``_ . @ + -`` behind the first."""
    return _NAME.fullmatch(word) is not None and not word.endswith(ENDING)


@record
class Directory:
    """One directory of configurations. ``keys`` are the options that may stand in a file,
    ``refused`` rclone's others with a reason each."""

    path: str
    keys: Mapping[str, Key]
    refused: Mapping[str, str]

    @classmethod
    def find(cls, chosen: str, keys: Mapping[str, Key], refused: Mapping[str, str]) -> "Directory":
        """The directory to use; nothing is made or read yet."""
        return cls(_find(chosen), keys, refused)

    def file(self, name: str) -> str:
        return os.path.join(self.path, name + ENDING)

    def names(self) -> list[str]:
        """All mirrors that have a file. Raises UsageError."""
        try:
            files = os.listdir(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UsageError(
                f"cannot read {self.path}: {error.strerror}", remedy="choose another --config-dir"
            ) from error
        stems = (file.removesuffix(ENDING) for file in files if file.endswith(ENDING))
        return sorted(stem for stem in stems if is_name(stem))

    def has(self, name: str) -> bool:
        return is_name(name) and os.path.lexists(self.file(name))

    def judge(self, name: str) -> Configuration | list[Problem]:
        """The configuration, or all that is wrong with it. Raises UsageError where there is
        none."""
        file = self.file(name)
        try:
            content = _content(file)
        except FileNotFoundError:
            raise self._missing(name) from None
        except OSError as error:
            return [Problem(file, 0, "", f"it cannot be read: {error.strerror}", "mend that")]
        if isinstance(content, Problem):
            return [content]
        home = os.path.expanduser("~")
        return read(name, file, content, self.keys, home=home, refused=self.refused)

    def load(self, name: str) -> Configuration:
        """Raises UsageError with the first problem."""
        found = self.judge(name)
        if isinstance(found, Configuration):
            return found
        first, more = found[0], len(found) - 1
        remedy = first.remedy
        if more:
            remedy += "; " * bool(remedy) + f"`mirrorfs config check {name}` lists {more} more"
        raise UsageError(str(first), remedy=remedy)

    def _missing(self, name: str) -> UsageError:
        if not is_name(name):
            return UsageError(
                f"{name!r} is no name of a mirror",
                remedy="letters, digits, and _ . @ + - behind the first one",
            )
        import difflib

        known = self.names()
        near = difflib.get_close_matches(name, known, 1)
        if near:
            remedy = f"did you mean {near[0]}?"
        else:
            remedy = f"`mirrorfs init {name}` makes it"
            if known:
                remedy += f"; there are {', '.join(known)}"
        return UsageError(
            f"no mirror is called {name}: there is no {self.file(name)}", remedy=remedy
        )


def _find(chosen: str) -> str:
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    if from_systemd := os.environ.get("CONFIGURATION_DIRECTORY", "").split(":")[0]:
        return from_systemd
    if os.geteuid() == 0:
        return MACHINE
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "mirrorfs")


def _content(file: str) -> bytes | Problem:
    """Raises OSError."""
    # A fifo must not keep the mirror waiting for a writer.
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return Problem(file, 0, "", "it is not a file", "put a file there")
        if found.st_mode & stat.S_IWOTH:
            what = "everybody may write it; it is not used"
            return Problem(file, 0, "", what, f"chmod o-w {file}")
        if found.st_size > LARGEST:
            return Problem(file, 0, "", "it is larger than 1 MiB", "shorten it")
        return stream.read()
