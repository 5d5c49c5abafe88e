"""The contract of trees, carried out in memory.

Law: see `mirrorfs.trees.base`; there is nothing this tree allows itself beyond it.
"""

from collections.abc import Callable, Collection, Sequence

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Outcome, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.tree import (
    Entry,
    Failure,
    Identity,
    Kind,
    Listing,
    TreeError,
    Trouble,
    is_below,
    is_safe,
    join,
    split,
)
from mirrorfs.trees import expect
from mirrorfs.trees.base import CHUNK, Capabilities, Content, Destination, Tree
from mirrorfs.trees.memory.faults import Faults
from mirrorfs.trees.memory.store import START_NS, Node, Store

ATTEMPTS = 4  # as often a file that changes while it is read is read again


class MemoryContent(Content):
    """An open file; it stays open when its name goes."""

    def __init__(self, tree: "MemoryTree", path: str, node: Node) -> None:
        self._tree = tree
        self._path = path
        self._node = node
        self._offset = 0

    def stat(self, grain_ns: int = 1) -> Entry:
        return self._tree.shown(self._node)

    def read(self, size: int) -> bytes:
        self._tree.refuse("content", self._path)
        if self._tree.tears(self._path):
            self._tree.alter(self._node, mtime_ns=self._tree.now())
        data = self._node.data[self._offset : self._offset + size]
        self._offset += len(data)
        return data

    def close(self) -> None:
        pass


class MemoryTree(Store, Faults, Destination):
    """For one thread at a time. The user is played by `Store`, the misfortunes by `Faults`."""

    def __init__(
        self,
        options: Options = Options(),  # noqa: B008  (frozen)
        *,
        capabilities: Capabilities = Capabilities(),  # noqa: B008  (frozen)
    ) -> None:
        Store.__init__(self)
        Faults.__init__(self)
        self.capabilities = capabilities
        self._keep = replace(
            options,
            permissions=options.permissions and capabilities.permissions,
            owners=options.owners and capabilities.owners,
            xattrs=options.xattrs and capabilities.xattrs,
        )

    def identity(self) -> Identity:
        self.asked("identity")
        return Identity("memory", "memory", self._top.entry.inode, START_NS)

    def begin(self) -> None:
        self.asked("begin")

    def root(self) -> Entry:
        self.asked("root")
        self.refuse("root", "")
        return self.shown(self._top)

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        self.asked("read")
        self.refuse("read", path)
        children = self.reach(path).children
        wanted = children if names is None else [name for name in names if name in children]
        entries = {name: self.shown(children[name]) for name in wanted}
        failures: dict[str, Failure] = {}
        if self.failing:
            for name in list(entries):
                try:
                    self.refuse("entry", join(path, name))
                except TreeError as error:
                    failures[name] = error.failure
                    del entries[name]
        if bare:
            entries = {name: entry._replace(xattrs=None) for name, entry in entries.items()}
        return Listing(entries, failures)

    def open(self, path: str) -> Content:
        self.asked("open")
        self.refuse("open", path)
        directory, name = split(path)
        node = self.reach(directory).children.get(name)
        if node is None:
            raise TreeError(Failure(path, Trouble.ABSENT, "cannot open the file: absent"))
        match node.entry.kind:
            case Kind.FILE:
                return MemoryContent(self, path, node)
            case Kind.SYMLINK:
                raise TreeError(Failure(path, Trouble.LOOP, "cannot open the file: a symlink"))
            case _:
                raise TreeError(Failure(path, Trouble.UNSTABLE, "not a regular file any more"))

    def create_directories(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each("create_directories", actions, self._create)

    def transfer(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        return self._each("transfer", actions, lambda action: self._transfer(action, source))

    def link(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        return self._each("link", actions, lambda action: self._link(action, source))

    def rename(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each("rename", actions, self._rename)

    def set_attributes(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each("set_attributes", actions, self._set)

    def delete(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each("delete", actions, self._delete)

    def flush(self) -> None:
        self.asked("flush")

    def sweep(self) -> int:
        self.asked("sweep")
        return 0

    def close(self) -> None:
        pass

    def shown(self, node: Node) -> Entry:
        entry = node.entry
        if not self._keep.xattrs:
            return entry if entry.xattrs is None else entry._replace(xattrs=None)
        return entry._replace(xattrs=()) if entry.xattrs is None else entry

    def _each(
        self, call: str, actions: Sequence[Action], verb: Callable[[Action], Outcome]
    ) -> list[Outcome]:
        self.asked(call)
        outcomes = []
        for action in actions:
            try:
                self.refuse(call, action.path)
                outcomes.append(verb(action))
            except TreeError as error:
                outcomes.append(expect.failed(action, error.failure))
        return outcomes

    def _place(self, path: str) -> tuple[Node, str]:
        directory, name = split(path)
        if not name or not is_safe(path):
            raise TreeError(Failure(path, Trouble.UNSUPPORTED, "not a path below the root"))
        return self.reach(directory), name

    def _create(self, action: Action) -> Outcome:
        above, name = self._place(action.path)
        found = above.children.get(name)
        if found is not None:
            if found.entry.kind is Kind.DIRECTORY:
                return expect.done(action)
            return expect.drift(action, "something else is in the place of the directory")
        assert action.want is not None
        made = self._kept(action.want, 0o755)._replace(mtime_ns=0)
        self.place(above, name, self.new(made))
        return expect.done(action)

    def _transfer(self, action: Action, source: Tree) -> Outcome:
        want = action.want
        above, name = self._place(action.path)
        if want is None or want.kind is Kind.DIRECTORY:
            raise TreeError(Failure(action.path, Trouble.UNSUPPORTED, "nothing to transfer"))
        data = b""
        if want.kind is Kind.FILE:
            try:
                want, data = self._fetch(action.path, source)
            except TreeError as error:
                return expect.source_failed(action, error.failure)
        node = above.children.get(name)
        if node is not None:
            found = node.entry
            same = action.expect is not None and expect.untouched(found, action.expect)
            if action.verb is Verb.CREATE or not same or found.kind is Kind.DIRECTORY:
                if expect.reached(found, want):
                    return expect.done(action, len(data))
                return expect.drift(action, "the destination holds something the plan did not see")
        made = self._kept(want, 0o644)._replace(size=len(data))
        self.place(above, name, self.new(made, data))
        return expect.done(action, len(data))

    def _link(self, action: Action, source: Tree) -> Outcome:
        above, name = self._place(action.path)
        leader = self.find(action.origin)
        if leader is None or action.want is None or leader.entry.kind is not action.want.kind:
            return self._transfer(action, source)
        node = above.children.get(name)
        if node is leader:
            return expect.done(action)
        if node is not None:
            same = action.expect is not None and expect.untouched(node.entry, action.expect)
            if action.verb is Verb.CREATE or not same:
                return expect.drift(action, "the destination holds something the plan did not see")
        self.place(above, name, leader)
        self.alter(leader, links=leader.entry.links + 1)
        return expect.done(action)

    def _fetch(self, path: str, source: Tree) -> tuple[Entry, bytes]:
        """A file's entry and content as they belong together."""
        for _ in range(ATTEMPTS):
            with source.open(path) as content:
                before = content.stat()
                data = b""
                self.meter.begins()
                while piece := content.read(min(CHUNK, self.meter.piece())):
                    data += piece
                    self.meter.moved(len(piece))
                if not content.changed_since(before):
                    return before, data
        raise TreeError(Failure(path, Trouble.UNSTABLE, "the file changes while it is read"))

    def _kept(self, want: Entry, mode: int) -> Entry:
        """The attributes of ``want`` that are kept."""
        keep = self._keep
        return want._replace(
            mode=want.mode if keep.permissions else mode,
            uid=want.uid if keep.owners else 0,
            gid=want.gid if keep.owners else 0,
            xattrs=want.xattrs if keep.xattrs else None,
        )

    def _rename(self, action: Action) -> Outcome:
        above, name = self._place(action.origin)
        to_above, to_name = self._place(action.path)
        node, there, saw = above.children.get(name), to_above.children.get(to_name), action.expect
        if saw is None or node is None or not expect.same_object(node.entry, saw):
            if saw and saw.inode and there and expect.same_object(there.entry, saw):
                return expect.done(action)
            return expect.drift(action, f"{action.origin} is not what the plan saw")
        if there is not None:
            return expect.drift(action, "the new name is taken")
        if is_below(action.path, action.origin):
            raise TreeError(Failure(action.path, Trouble.UNSUPPORTED, "cannot move into itself"))
        del above.children[name]
        self.alter(above, mtime_ns=self.now())
        self.place(to_above, to_name, node)
        self.alter(node)
        return expect.done(action)

    def _set(self, action: Action) -> Outcome:
        want = action.want
        if want is None:
            raise TreeError(Failure(action.path, Trouble.UNSUPPORTED, "nothing to set"))
        if action.path:
            above, name = self._place(action.path)
            node = above.children.get(name)
        else:
            node = self._top
        if node is None:
            return expect.drift(action, "it is gone from the destination")
        if not expect.same_to_set(node.entry, want, action.expect):
            return expect.drift(action, "the destination holds something the plan did not see")
        self._assign(node, want)
        return expect.done(action)

    def _assign(self, node: Node, want: Entry) -> None:
        keep, now = self._keep, node.entry
        directory = want.kind is Kind.DIRECTORY
        timed = keep.directory_times if directory else keep.times
        changes = now._replace(
            mode=want.mode if keep.permissions and want.kind is not Kind.SYMLINK else now.mode,
            uid=want.uid if keep.owners else now.uid,
            gid=want.gid if keep.owners else now.gid,
            xattrs=want.xattrs if keep.xattrs and want.xattrs is not None else now.xattrs,
            mtime_ns=want.mtime_ns if timed else now.mtime_ns,
            atime_ns=want.atime_ns if keep.access_times else now.atime_ns,
        )
        if changes != now:
            node.entry = changes._replace(ctime_ns=self.now())

    def _delete(self, action: Action) -> Outcome:
        try:
            above, name = self._place(action.path)
        except TreeError as error:
            if error.trouble is Trouble.ABSENT:
                return expect.done(action)
            raise
        node = above.children.get(name)
        if node is None:
            return expect.done(action)
        if action.expect is None or not expect.may_go(node.entry, action.expect):
            return expect.drift(action, "the destination holds something the plan did not see")
        if node.children:
            return expect.drift(action, "the directory is not empty")
        self.detach(above, name)
        return expect.done(action)
