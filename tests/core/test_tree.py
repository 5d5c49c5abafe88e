"""Paths: their order, and which may come from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.tree import is_below, is_safe, is_within, join, moved, parts, split

paths = st.lists(st.text("ab-\x01", min_size=1, max_size=2), max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("", True), ("a", True), ("a/b", True), ("...", True), ("a/..b", True), ("\udcff", True),
        ("/", False), ("/a", False), ("a/", False), ("a//b", False), (".", False), ("..", False),
        ("a/../b", False), ("a/.", False), ("a\0b", False), ("a/b/..", False),
    ],
)  # fmt: skip
def test_paths_from_outside(path, safe):
    assert is_safe(path) is safe


@given(path=paths, other=paths)
def test_paths_and_their_parts(path, other):
    assert "/".join(parts(path)) == path
    assert not path or join(*split(path)) == path
    assert is_below(path, other) == (
        len(parts(path)) > len(parts(other)) and is_within(path, other)
    )
    assert is_within(path, other) == (parts(path)[: len(parts(other))] == parts(other))


@given(path=paths.filter(bool), below=paths.filter(bool), target=paths.filter(bool))
def test_what_is_below_a_renamed_path_moves_along(path, below, target):
    assert moved(f"{path}/{below}", path, target) == f"{target}/{below}"
    assert moved(path, path, target) == target


def test_tree_order_is_not_string_order():
    assert sorted(["a-b", "a", "a/b"], key=parts) == ["a", "a/b", "a-b"]
    assert sorted(["a-b", "a", "a/b"]) == ["a", "a-b", "a/b"]
