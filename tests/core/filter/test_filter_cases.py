"""rclone's filter language, fact by fact (cases.json: flags, and what rclone does with them)."""

import json
import re
from pathlib import Path

import pytest

from mirrorfs.core.filter import Filter, FilterError, FilterOptions, Source
from mirrorfs.core.filter.glob import directories, to_regexp
from mirrorfs.core.filter.listing import nul_separated, numbered_lines
from mirrorfs.core.filter.partition import Partition, parse_partition
from mirrorfs.core.values import parse_age, parse_size

CASES = json.loads(Path(__file__).with_name("cases.json").read_text())
EVERY = [
    pytest.param(case, id=f"{group}/{case['name']}")
    for group, cases in CASES.items()
    for case in cases
]

VALUES = {
    "--min-size": parse_size,
    "--max-size": parse_size,
    "--min-age": parse_age,
    "--max-age": parse_age,
    "--max-depth": int,
    "--hash-filter": str,
}


def options(flags, files=None):
    sources, markers, found, rest = [], [], {}, iter(flags)
    for flag in rest:
        if flag == "--ignore-case":
            found["ignore_case"] = True
        elif flag == "--exclude-if-present":
            markers.append(next(rest))
        elif flag in VALUES:
            found[flag.removeprefix("--").replace("-", "_")] = VALUES[flag](next(rest))
        else:
            value = next(rest)
            named = "from" in flag
            sources.append(Source(flag, value, files[value] if named else None))
    return FilterOptions(
        sources=tuple(sources), exclude_if_present=tuple(markers), hash_draw=0, **found
    )


def flags_of(case):
    if "flags" in case:
        return case["flags"]
    rules = case.get("rules") or [case["rule"]] if "rules" in case or "rule" in case else []
    return [word for rule in rules for word in ("--filter", rule)] + (
        ["--ignore-case"] if case.get("ignore_case") else []
    )


def build(case, now_ns=1_700_000_000 * 10**9):
    return Filter.build(options(flags_of(case), case.get("aux_files")), now_ns=now_ns)


def walk(found, tree, create_empty):
    """What arrives of a tree, reading only directories that are entered."""
    arrived = set()

    def visit(directory):
        inside = directory + "/" if directory else ""
        below = [name[len(inside) :] for name in tree if name.startswith(inside) and name != inside]
        if found.marked({name for name in below if "/" not in name}):
            return
        if directory and create_empty:
            arrived.add(inside)
        for name in {name.split("/")[0] + "/" * ("/" in name) for name in below}:
            path = inside + name.rstrip("/")
            if name.endswith("/"):
                if found.includes(path, is_directory=True) and found.descends(path):
                    visit(path)
            elif found.includes(path, size=1, mtime_ns=0):
                parts = path.split("/")
                arrived.update("/".join(parts[:i]) + "/" for i in range(1, len(parts)))
                arrived.add(path)

    visit("")
    return sorted(arrived)


@pytest.mark.parametrize("case", EVERY)
def test_fact(case):
    if "expect_error" in case:
        with pytest.raises(FilterError, match=re.escape(case["expect_error"])) as caught:
            build(case)
        assert str(caught.value).startswith("Failed to load filters: ")
        return
    found = build(case)
    for entry in case.get("files", ()):
        known = {"size": entry.get("size", 1)}
        if "mtime_unix" in entry:
            known["mtime_ns"] = entry["mtime_unix"] * 10**9
        assert found.includes(entry["path"], **known) is entry["included"], entry
        assert found.decide(entry["path"], **known).included is entry["included"], entry
    for entry in case.get("dirs", ()):
        assert found.includes(entry["path"], is_directory=True) is entry["included"], entry
        assert found.decide(entry["path"], is_directory=True).included is entry["included"], entry
    if "dump_rules" in case:
        assert found.dump().splitlines()[1:-1] == case["dump_rules"]
    if "expect_tree" in case:
        assert walk(found, case["tree"], case.get("create_empty", False)) == case["expect_tree"]
    if "uses_directory_filters" in case:
        assert found.prunes is case["uses_directory_filters"]
    if "dir_globs" in case:
        assert directories(case["glob"]) == case["dir_globs"]
    if "glob" in case and "go_regexp" in case:
        regexp = to_regexp(case["glob"], ignore_case=case.get("ignore_case", False))
        assert str(regexp) == case["go_regexp"]
    if "parsed_lines" in case:
        (text,) = case["aux_files"].values()
        if "--files-from0" in case["flags"]:
            assert list(nul_separated(text)) == case["parsed_lines"]
        else:
            assert [line for _, line in numbered_lines(text)] == case["parsed_lines"]
    if "n" in case:
        assert parse_partition(case["value"], draw=0) == Partition(case["k"], case["n"])
    if case.get("max_size_bytes"):
        assert parse_size(case["flags"][1]) == case["max_size_bytes"]
