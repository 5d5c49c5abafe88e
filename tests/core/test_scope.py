"""A scope is closed under ancestors and only grows, but for names that need no look any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scopes import contains, leaves

from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import is_within

paths = st.lists(st.sampled_from(["a", "b", "a-b"]), max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("names", "subtrees", "expected"),
    [
        pytest.param([], [], {"": False}, id="nothing: only the root itself"),
        pytest.param(["a"], [], {"a": False}, id="one name, not what is below it"),
        pytest.param(["a/b/c"], [], {"a/b/c": False}, id="a deep name"),
        pytest.param(["a", "a/b"], [], {"a/b": False}, id="a name on the way to another"),
        pytest.param([], ["a"], {"a": True}, id="a subtree"),
        pytest.param(["a/b", "a-b"], ["a"], {"a": True, "a-b": False}, id="inside a subtree"),
        pytest.param(["a"], [""], {"": True}, id="the root as a subtree is everything"),
        pytest.param([""], [], {"": False}, id="the root as a name is only the root"),
        pytest.param([], ["a/b", "a"], {"a": True}, id="a subtree inside a subtree"),
    ],
)  # fmt: skip
def test_outline(names, subtrees, expected):
    assert leaves(Scope.of(names, subtrees)) == expected
    grown = Scope()
    for path in names:
        grown.add(path)
    for path in subtrees:
        grown.add(path, recursive=True)
    assert leaves(grown) == expected, "the order of growing does not matter"


@given(names=st.lists(paths), subtrees=st.lists(paths), asked=paths)
def test_covers(names, subtrees, asked):
    scope = Scope.of(names, subtrees)
    on_the_way = any(is_within(path, asked) for path in [*names, *subtrees, ""])
    inside = any(is_within(asked, path) for path in subtrees)
    assert scope.covers(asked) == (on_the_way or inside)
    assert scope.is_everything == ("" in subtrees)
    assert scope.is_empty == (not any(names) and not subtrees)


@given(names=st.lists(paths), subtrees=st.lists(paths), path=paths, recursive=st.booleans())
def test_a_scope_only_grows(names, subtrees, path, recursive):
    before, after = Scope.of(names, subtrees), Scope.of(names, subtrees)
    after.add(path, recursive=recursive)
    assert contains(after, before)
    assert after.covers(path)


@given(names=st.lists(paths), subtrees=st.lists(paths), path=paths.filter(bool))
def test_what_is_dropped_is_one_name_at_most(names, subtrees, path):
    before, after = Scope.of(names, subtrees), Scope.of(names, subtrees)
    after.drop(path)
    assert contains(before, after)
    gone = leaves(before).get(path) is False
    kept = {leaf: deep for leaf, deep in leaves(before).items() if not (gone and leaf == path)}
    above = path.rpartition("/")[0]
    if gone and not any(is_within(leaf, above) for leaf in kept):
        kept[above] = False  # what was on the way there stays
    assert leaves(after) == kept


def test_names_and_below_of_a_directory():
    scope = Scope.of(["a/b", "c"], ["d"])
    assert sorted(scope.names() or ()) == ["a", "c", "d"]
    assert scope.below("missing") is None
    deep = scope.below("d")
    assert deep is not None and deep.names() is None
    assert deep.below("anything") is deep
