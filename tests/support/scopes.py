"""Compare scopes by what they make a reader look at."""

from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import parts


def is_deep(scope: Scope, path: str) -> bool:
    """Whether everything below ``path`` is looked at."""
    node: Scope | None = scope
    for name in parts(path):
        node = None if node is None else node.below(name)
    return node is not None and node.deep


def contains(wide: Scope, narrow: Scope) -> bool:
    """Whether all that ``narrow`` looks at is looked at by ``wide``."""
    return all(
        wide.covers(path) and (is_deep(wide, path) or not deep) for path, deep in narrow.outline()
    )


def leaves(scope: Scope) -> dict[str, bool]:
    """path → recursive."""
    return dict(scope.outline())
