"""Where an action takes place: a held directory and one name in it."""

from mirrorfs.core.tree import split
from mirrorfs.trees.local.handles import Handle, Handles
from mirrorfs.trees.local.trouble import unsafe


def place(handles: Handles, path: str, *, writes: bool = True) -> tuple[Handle, str]:
    """The directory that holds ``path``, to be let go of, and the name in it. Raises TreeError.

    ``writes``: the name is created, replaced or removed, not only what it stands for.

    The root has no place: nothing creates, renames or removes it.
    """
    name = named(path)
    directory = split(path)[0]
    return (handles.take_to_write if writes else handles.take)(directory), name


def named(path: str) -> str:
    """The name in it. Raises TreeError for what is none."""
    name = path.rpartition("/")[2]
    if name in ("", ".", "..") or path[0] == "/":  # `Handles` checks the other components
        raise unsafe(path)
    return name
