"""Which directory a watch descriptor stands for: a tree of nodes, so that renaming one is one step.

Law: a node knows its parent and its name, never its path. A node that cannot be climbed from to the
root has no path: it was moved out or deleted, or is the half of a rename, and what is heard from it
is nothing.

The kernel counts descriptors up and does not use one again (before 2^31 were given), so an
event of a watch that ended cannot be taken for one of a later watch.
"""

from collections.abc import Iterator

from mirrorfs.core.tree import join


class Node:
    """One watched directory. Kept small (a million of them is a quarter GB): no path, no dict of
    its own.
    """

    __slots__ = ("children", "name", "parent", "wd")

    def __init__(self, wd: int) -> None:
        self.wd = wd
        self.parent: Node | None = None
        self.name = ""
        self.children: dict[str, Node] | None = None


class Watches:
    """The watched directories below ``root``, by descriptor and by name."""

    def __init__(self, root: int) -> None:
        self.root = Node(root)
        self.nodes: dict[int, Node] = {root: self.root}

    def path(self, node: Node) -> str | None:
        """Where ``node`` is; None when it is not below the root any more."""
        parts = []
        at, parent = node, node.parent
        while parent is not None:
            parts.append(at.name)
            at, parent = parent, parent.parent
        if at is not self.root:
            return None
        parts.reverse()
        return "/".join(parts)

    def below(self, node: Node, name: str) -> str | None:
        """The path of ``name`` in the directory ``node``."""
        path = self.path(node)
        return None if path is None else join(path, name)

    def find(self, path: str) -> Node | None:
        """The node of a path, if that directory is watched."""
        node: Node | None = self.root
        for part in path.split("/") if path else ():
            if node is None:
                return None
            node = child(node, part)
        return node

    def place(self, node: Node, parent: Node, name: str) -> Node | None:
        """Put ``node`` at ``name`` in ``parent``, from wherever it was; the node that was there
        before, if any.
        """
        displaced = None if parent.children is None else parent.children.get(name)
        if displaced is node:
            return None
        if displaced is not None:
            remove(displaced)
        if node.parent is not None:
            remove(node)
        if parent.children is None:
            parent.children = {}
        parent.children[name] = node
        node.parent, node.name = parent, name
        self.nodes[node.wd] = node
        return displaced

    def forget(self, node: Node) -> None:
        """The watch of ``node`` is over."""
        if self.nodes.get(node.wd) is node:
            del self.nodes[node.wd]


def child(node: Node, name: str) -> Node | None:
    """The watched directory ``name`` in ``node``."""
    return node.children.get(name) if node.children else None


def remove(node: Node) -> None:
    """Take ``node``, and so all below it, out of its parent; its watches stay."""
    parent = node.parent
    if parent is None:
        return
    node.parent = None
    if parent.children is not None and parent.children.get(node.name) is node:
        del parent.children[node.name]
        if not parent.children:
            parent.children = None


def lineage(node: Node | None) -> Iterator[Node]:
    """``node``, its parent, and so on up."""
    while node is not None:
        yield node
        node = node.parent
