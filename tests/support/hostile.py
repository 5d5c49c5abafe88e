"""A tree with every property that a mirror can lose, and what can be done to it afterwards.

Law: everything made here can be seen by `support.portrait`, and from one seed comes one tree. Needs
the rights of root.
"""

import os
import random
import socket
import stat
import struct
from contextlib import suppress

from support.mutator import Mutator

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service=ep
ROOTED = struct.pack("<IIIIII", 0x03000000, 1 << 10, 0, 0, 0, 100_000)  # of a user namespace

LONG_TARGET = {"xfs": 1023, "btrfs": 3900}  # what a symlink's text may measure; else 4095
PUNCH = 0x03  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE


def acl(*entries: tuple[str, int, int | None]) -> bytes:
    """An ACL as its extended attribute holds it: (tag, permissions, whose)."""
    tags = {"user:": 1, "user": 2, "group:": 4, "group": 8, "mask": 16, "other": 32}
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tags[tag], permissions, 0xFFFFFFFF if whose is None else whose)
        for tag, permissions, whose in entries
    )


MASKED = acl(
    ("user:", 7, None),
    ("user", 5, 1234),
    ("group:", 6, None),
    ("group", 7, 4321),
    ("mask", 4, None),
    ("other", 0, None),
)
DEFAULT = acl(
    ("user:", 7, None),
    ("user", 7, 1234),
    ("group:", 5, None),
    ("mask", 7, None),
    ("other", 0, None),
)


class Maker:
    """Makes one part of the tree per public method, in a directory of that name."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._here = b""

    def make(self, root: str) -> None:
        """Fill an empty directory."""
        for name in sorted(vars(type(self))):
            if name.startswith("_") or name == "make":
                continue
            self._here = os.path.join(os.fsencode(root), name.encode())
            os.mkdir(self._here)
            getattr(self, name)()
        _settle(root)

    def _at(self, name: str | bytes) -> bytes:
        return os.path.join(self._here, os.fsencode(name))

    def _file(self, name: str | bytes, data: bytes = b"content") -> bytes:
        path = self._at(name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def sizes(self) -> None:
        for size in (0, 1, 4095, 4096, 4097, 65535, 262143, 262144, 262145, (1 << 20) + 1):
            self._file(f"{size}", random.Random(size).randbytes(size))

    def modes(self) -> None:
        for mode in (0, 0o444, 0o600, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777):
            os.chmod(self._file(f"file-{mode:o}"), mode)
        for mode in (0, 0o555, 0o700, 0o777, 0o2775, 0o1777, 0o7777):
            path = self._at(f"directory-{mode:o}")
            os.mkdir(path)
            with open(path + b"/inside", "wb"):
                pass
            os.chmod(path, mode)

    def owners(self) -> None:
        for user, group in ((1, 1), (0, 65534), (65534, 0), (4294967293, 4294967292)):
            path = self._file(f"{user}-{group}")
            os.chown(path, user, group)
            os.chmod(path, 0o6755)
            os.mkdir(path + b".directory", 0o2750)
            os.chown(path + b".directory", user, group)
            os.symlink("x", path + b".link")
            os.chown(path + b".link", user, group, follow_symlinks=False)
        os.mkdir(self._at("given"))
        os.chown(self._at("given"), 0, 4321)
        os.chmod(self._at("given"), 0o2777)
        with open(self._at("given/inherits"), "wb"):
            pass
        os.mkdir(self._at("given/inherits too"))
        os.mkdir(self._at("given/refuses"))
        os.chown(self._at("given/refuses"), 0, 0)
        os.chmod(self._at("given/refuses"), 0o755)

    def times(self) -> None:
        for ns in (0, 1, 999_999_999, -1, -1_500_000_000_000_000_001, 2**33 * 10**9 + 123_456_789):
            for path in (self._file(f"{ns}"), self._at(f"{ns}.directory"), self._at(f"{ns}.link")):
                if path.endswith(b".directory"):
                    os.mkdir(path)
                elif path.endswith(b".link"):
                    os.symlink("nowhere", path)
                os.utime(path, ns=(1, ns), follow_symlinks=False)

    def symlinks(self) -> None:
        long = LONG_TARGET.get(self._kind, 4095)
        targets = {
            "relative": b"../sizes/1",
            "absolute": b"/etc/passwd",
            "nowhere": b"nowhere",
            "itself": b"itself",
            "up": b"../../../..",
            "directory": b".",
            "slash": b"slash/",
            "bytes": b"\xff\xfe\n\x1b[31m",
            "long": b"x" * long,
            "long path": (b"d/" * long)[:long],
            "space": b" ",
            "dash": b"-rf",
        }
        for name, target in targets.items():
            os.symlink(target, self._at(name))

    def specials(self) -> None:
        os.mkfifo(self._at("fifo"), 0o640)
        os.mknod(self._at("null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(self._at("whiteout"), stat.S_IFCHR | 0o600, os.makedev(0, 0))
        os.mknod(self._at("large number"), stat.S_IFCHR | 0o600, os.makedev(511, 262143))
        os.mknod(self._at("disk"), stat.S_IFBLK | 0o660, os.makedev(7, 99))
        os.chown(self._at("disk"), 0, 6)
        with socket.socket(socket.AF_UNIX) as bound:
            held = os.open(self._here, os.O_RDONLY)
            bound.bind(f"/proc/self/fd/{held}/socket")
            os.close(held)
        os.chmod(self._at("socket"), 0o755)

    def hard_links(self) -> None:
        os.mkdir(self._at("below"))
        one = self._file("one", b"several names")
        for name in ("two", "below/three", b"\xff"):
            os.link(one, self._at(name))
        os.setxattr(one, "user.shared", b"1")
        os.link(self._file("empty", b""), self._at("below/empty"))
        for name, make in {
            "symlink": lambda path: os.symlink("target", path),
            "fifo": os.mkfifo,
            "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
        }.items():
            make(self._at(name))
            os.link(self._at(name), self._at(f"below/{name}"), follow_symlinks=False)
            os.link(self._at(name), self._at(f"{name} again"), follow_symlinks=False)

    def attributes(self) -> None:
        path = self._file("user")
        os.setxattr(path, "user.empty", b"")
        os.setxattr(path, "user.bytes", bytes(range(256)))
        os.setxattr(path, b"user.\xff\xfe", b"a name that is not UTF-8")
        os.setxattr(path, "user." + "n" * 200, b"long")
        os.setxattr(self._file("large"), "user.large", b"v" * 3000)
        many = self._file("many")
        for number in range(40):
            os.setxattr(many, f"user.{number}", str(number).encode())
        os.mkdir(self._at("directory"))
        os.setxattr(self._at("directory"), "user.of", b"a directory")
        for name in ("trusted.mine", "trusted.overlay.opaque", "security.mine"):
            os.setxattr(self._file(name), name, b"y")
            os.mkdir(self._at(f"{name}.directory"))
            os.setxattr(self._at(f"{name}.directory"), name, b"y")
            os.symlink("x", self._at(f"{name}.link"))
            os.setxattr(self._at(f"{name}.link"), name, b"y", follow_symlinks=False)
            os.mkfifo(self._at(f"{name}.fifo"))
            os.setxattr(self._at(f"{name}.fifo"), name, b"y")
        read_only = self._file("read-only")
        os.setxattr(read_only, "user.kept", b"1")
        os.chmod(read_only, 0o444)
        nothing = self._file("nothing allowed")
        os.setxattr(nothing, "user.kept", b"1")
        os.chmod(nothing, 0)

    def capabilities(self) -> None:
        for name, value in {"plain": CAPABILITY, "rooted": ROOTED}.items():
            path = self._file(name)
            os.chown(path, 1000, 1000)
            os.chmod(path, 0o755)
            os.setxattr(path, "security.capability", value)
        both = self._file("setuid too")
        os.chown(both, 1000, 1000)
        os.chmod(both, 0o6755)
        os.setxattr(both, "security.capability", CAPABILITY)
        os.link(both, self._at("another name"))

    def acls(self) -> None:
        path = self._file("file")
        os.setxattr(path, "system.posix_acl_access", MASKED)
        for name in ("both", "default", "default of its own"):
            os.mkdir(self._at(name))
            os.setxattr(self._at(name), "system.posix_acl_default", DEFAULT)
        os.setxattr(self._at("both"), "system.posix_acl_access", MASKED)
        # What is made below inherits; so it would on the destination, in another order.
        with open(self._at("default/inherits"), "wb"):
            pass
        os.mkdir(self._at("default/inherits too"))
        with open(self._at("default/does not"), "wb"):
            pass
        os.removexattr(self._at("default/does not"), "system.posix_acl_access")
        os.mkdir(self._at("default/does not either"))
        for name in ("access", "default"):
            os.removexattr(self._at("default/does not either"), f"system.posix_acl_{name}")
        os.chmod(self._at("default/does not either"), 0o700)
        os.mkfifo(self._at("default/fifo"))

    def holes(self) -> None:
        size = 8 << 20
        for name, places in {
            "nothing but": (),
            "first": (size - 70_000,),
            "last": (0,),
            "middle": (0, size - 70_000),
            "many": tuple(range(0, size, 1 << 20)),
            "unaligned": (12_345, 3_456_789),
        }.items():
            with open(self._at(name), "wb") as file:
                file.truncate(size)
                for place in places:
                    file.seek(place)
                    file.write(b"d" * 70_000)
        self._file("zeros", bytes(1 << 20))
        with open(self._at("prepared"), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 1 << 20)
            file.write(b"start")
        with open(self._at("small"), "wb") as file:
            file.truncate(100_000)
            file.seek(50_000)
            file.write(b"x")

    def empties(self) -> None:
        os.makedirs(self._at("a/b/c"))
        os.mkdir(self._at("d"))
        self._file("e", b"")
        os.makedirs(self._at("/".join("deep" for _ in range(60)).lstrip("/")))

    def changes(self) -> None:
        """What `Changer` does something to."""
        for name in sorted(vars(Changer)):
            if not name.startswith("_") and name != "change":
                path = self._file(name, name.encode() * 1000)
                os.setxattr(path, "user.before", b"1")
                os.chmod(path, 0o644)
        for one in _KINDS:
            for other in _KINDS:
                _make_kind(self._at(f"{one} to {other}"), one)


class Changer:
    """Does one thing to each file of `Maker.changes`; most leave size and content alone."""

    def __init__(self, root: str) -> None:
        self._here = os.path.join(os.fsencode(root), b"changes")

    def change(self) -> None:
        before = os.lstat(self._here).st_mtime_ns
        for name in sorted(vars(type(self))):
            if not name.startswith("_") and name != "change":
                getattr(self, name)(os.path.join(self._here, name.encode()))
        for one in _KINDS:
            for other in _KINDS:
                path = os.path.join(self._here, f"{one} to {other}".encode())
                _remove(path)
                _make_kind(path, other)
        os.utime(self._here, ns=(before, before + 5 * 10**9))

    def mode(self, path: bytes) -> None:
        os.chmod(path, 0o4711)

    def owner(self, path: bytes) -> None:
        os.chown(path, 7, 8)

    def time(self, path: bytes) -> None:
        os.utime(path, ns=(1, 1_000_000_007))

    def nanoseconds(self, path: bytes) -> None:
        now = os.lstat(path).st_mtime_ns
        os.utime(path, ns=(1, now // 10**9 * 10**9 + (now + 1) % 10**9))

    def attribute(self, path: bytes) -> None:
        os.setxattr(path, "user.before", b"2")

    def attribute_gone(self, path: bytes) -> None:
        os.removexattr(path, "user.before")

    def attribute_new(self, path: bytes) -> None:
        os.setxattr(path, "user.new", b"1")

    def acl(self, path: bytes) -> None:
        os.setxattr(path, "system.posix_acl_access", MASKED)

    def capability(self, path: bytes) -> None:
        os.setxattr(path, "security.capability", CAPABILITY)

    def same_size(self, path: bytes) -> None:
        with open(path, "r+b") as file:
            file.write(b"S")
        os.utime(path, ns=(1, os.lstat(path).st_mtime_ns + 3 * 10**9))

    def longer(self, path: bytes) -> None:
        with open(path, "ab") as file:
            file.write(b"more")

    def shorter(self, path: bytes) -> None:
        os.truncate(path, 3)

    def replaced(self, path: bytes) -> None:
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(b"another")

    def gone(self, path: bytes) -> None:
        os.unlink(path)

    def linked(self, path: bytes) -> None:
        os.link(path, path + b" again")

    def renamed(self, path: bytes) -> None:
        os.rename(path, path + b" now")

    def into_a_directory(self, path: bytes) -> None:
        os.unlink(path)
        os.mkdir(path)
        os.mknod(path + b"/inside")

    def a_hole(self, path: bytes) -> None:
        with open(path, "wb") as file:
            file.truncate(4 << 20)


_KINDS = ("file", "directory", "symlink", "fifo", "device", "full directory")


def _make_kind(path: bytes, kind: str) -> None:
    match kind:
        case "file":
            with open(path, "wb") as file:
                file.write(path)
        case "directory":
            os.mkdir(path)
        case "symlink":
            os.symlink(b"to " + os.path.basename(path), path)
        case "fifo":
            os.mkfifo(path)
        case "device":
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        case _:
            os.makedirs(path + b"/inside")
            os.mkfifo(path + b"/inside/fifo")


def _remove(path: bytes) -> None:
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for name in os.listdir(path):
            _remove(os.path.join(path, name))
        os.rmdir(path)
    else:
        os.unlink(path)


def _settle(root: str) -> None:
    """Times that a copy made by chance in the same moment would not have."""
    for where, directories, _ in os.walk(os.fsencode(root), topdown=False):
        for name in directories:
            path = os.path.join(where, name)
            if not os.path.islink(path) and not path.startswith(os.fsencode(root) + b"/times/"):
                os.utime(path, ns=(1, 1_600_000_000_123_456_789 + len(path)))
    os.utime(root, ns=(1, 1_600_000_000_987_654_321))


class HostileMutator(Mutator):
    """And what only root can do."""

    def set_trusted(self) -> None:
        path = self._existing()
        os.setxattr(path, "trusted.t", str(self._number).encode(), follow_symlinks=False)

    def set_security(self) -> None:
        path = self._existing()
        os.setxattr(path, "security.s", str(self._number).encode(), follow_symlinks=False)

    def set_acl(self) -> None:
        path = self._existing(lambda mode: not stat.S_ISLNK(mode))
        os.setxattr(path, "system.posix_acl_access", MASKED)

    def set_default_acl(self) -> None:
        os.setxattr(self._existing(stat.S_ISDIR), "system.posix_acl_default", DEFAULT)

    def set_capability(self) -> None:
        os.setxattr(self._existing(stat.S_ISREG), "security.capability", CAPABILITY)

    def remove_attributes(self) -> None:
        path = self._existing()
        for name in os.listxattr(path, follow_symlinks=False):
            with suppress(OSError):
                os.removexattr(path, name, follow_symlinks=False)

    def set_special_mode(self) -> None:
        path = self._existing(lambda mode: not stat.S_ISLNK(mode))
        os.chmod(path, self._rng.choice([0, 0o2775, 0o4755, 0o7777, 0o1755, 0o555]))

    def device(self) -> None:
        os.mknod(self._path(), stat.S_IFBLK | 0o600, os.makedev(7, self._rng.randrange(300)))

    def link_anything(self) -> None:
        path = self._existing(lambda mode: not stat.S_ISDIR(mode))
        os.link(path, self._path(), follow_symlinks=False)

    def punch(self) -> None:
        path = self._existing(stat.S_ISREG)
        with open(path, "r+b") as file:
            file.truncate(1 << 20)
            file.seek(self._rng.randrange(1 << 20))
            file.write(b"x" * self._rng.randrange(1, 300_000))
