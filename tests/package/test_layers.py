"""The layers: a module imports from its own layer or from below, never upward."""

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What each room of mirrorfs may import of mirrorfs, besides itself. `journal` and `errors` are the
# ground; what stands nowhere here fails, so that a new room has to be given its place.
LAYERS = [
    "errors",
    "core",
    "trees",
    "drives watch",
    "state",
    "apply",
    "sync",
    "config history hold install mirror",
    "service",
    "status",
    "output run view",
    "cli",
    "__init__ __main__",
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms.split()}

# Core decides; it reads nothing, knows no time, and gives the same answer twice.
PURE = {
    "abc", "base64", "bisect", "collections", "contextlib", "copy", "datetime",
    "decimal", "enum", "fnmatch", "functools", "hashlib", "heapq", "itertools", "json", "math",
    "msgpack", "operator", "posixpath", "re", "stat", "string", "struct", "types", "typing",
    "unicodedata", "zlib",
}  # fmt: skip
PATHS_AS_TEXT = {"basename", "commonpath", "dirname", "join", "normpath", "split", "splitext"}
CLOCK = {"now", "today", "utcnow"}
CORE_MAY_USE = ("mirrorfs.core", "mirrorfs.errors")

# A file holds one noun or one verb. Each of these is longer than LINES, for a reason it states.
LINES = 400
LONGER: set[str] = set()

MODULES = sorted(
    path.relative_to(ROOT) for top in ("mirrorfs", "journal") for path in (ROOT / top).rglob("*.py")
)
CORE = [module for module in MODULES if module.parts[:2] == ("mirrorfs", "core")]
JOURNAL = [module for module in MODULES if module.parts[0] == "journal"]


def imported(module: Path) -> Iterator[str]:
    """Every dotted name `module` imports, inside functions too; relative ones are resolved."""
    package = module.with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse((ROOT / module).read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *filter(None, [node.module])))
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def room(name: str) -> str:
    """The room of a dotted name below `mirrorfs`: `mirrorfs.core.tree` is in `core`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def upward(module: Path) -> list[str]:
    own = room(".".join(module.with_suffix("").parts))
    return [
        name
        for name in imported(module)
        if name.startswith("mirrorfs.")
        and room(name) != own
        and LEVEL.get(room(name), -1) > LEVEL[own]
    ]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_imports_upward(module: Path) -> None:
    names = list(imported(module))
    if module.parts[0] == "journal":
        assert [name for name in names if name.split(".")[0] == "mirrorfs"] == []
    else:
        own = room(".".join(module.with_suffix("").parts))
        assert own in LEVEL, "a room without a layer"
        assert upward(module) == []


def test_rooms_import_each_other_in_one_direction() -> None:
    """Within a layer too: a room can be read, and used, knowing only those it imports."""
    needs: dict[str, set[str]] = {}
    for module in MODULES:
        own = room(".".join(module.with_suffix("").parts))
        rooms = {room(name) for name in imported(module) if name.startswith("mirrorfs.")}
        needs.setdefault(own, set()).update(rooms & LEVEL.keys() - {own})
    graphlib.TopologicalSorter(needs).prepare()  # a CycleError names the rooms of the cycle


@pytest.mark.parametrize("module", CORE, ids=str)
def test_core_is_pure(module: Path) -> None:
    outside = {name for name in imported(module) if name.split(".")[0] not in PURE}
    assert {name for name in outside if not name.startswith(CORE_MAY_USE)} == set()
    uses = [
        node
        for node in ast.walk(ast.parse((ROOT / module).read_bytes()))
        if isinstance(node, ast.Attribute)
    ]
    assert {use.attr for use in uses}.isdisjoint(CLOCK), "core has no clock: pass the moment in"
    paths = [use for use in uses if ast.unparse(use.value) == "posixpath"]
    assert {use.attr for use in paths} <= PATHS_AS_TEXT, "core reads no file system"


@pytest.mark.parametrize("module", JOURNAL, ids=str)
def test_journal_needs_msgpack_and_nothing_else(module: Path) -> None:
    known = {"journal", "msgpack"} | sys.stdlib_module_names
    assert {name.split(".")[0] for name in imported(module)} <= known


def test_no_module_is_too_long() -> None:
    lengths = {str(m): len((ROOT / m).read_bytes().splitlines()) for m in MODULES}
    assert {name for name, lines in lengths.items() if lines > LINES} == LONGER


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import mirrorfs.cli", ["mirrorfs.cli"]),
        ("from mirrorfs import sync", ["mirrorfs.sync"]),
        ("def f():\n    from ..trees import local", ["mirrorfs.trees", "mirrorfs.trees.local"]),
        ("from mirrorfs.errors import Failure\nfrom . import tree\nimport os", []),
    ],
)
def test_the_rule_sees_an_upward_import(
    source: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = Path("mirrorfs/core/sample.py")
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert upward(module) == found
