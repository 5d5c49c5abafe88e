"""A state directory is ours alone, or it is not used."""

import os
import stat
from pathlib import Path

import pytest

from mirrorfs.errors import StateError
from mirrorfs.state import State, make, owner


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(str(tmp_path / "home"))


def test_what_is_made_is_closed_to_others(state: State) -> None:
    before = os.umask(0)
    try:
        made = make(state.mirror("/a", "/b"))
    finally:
        os.umask(before)
    for place in (made, os.path.dirname(made), state.home):
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    assert make(made) == made


@pytest.mark.root
@pytest.mark.parametrize("part", ["home", "kind", "own"])
@pytest.mark.parametrize("how", ["another user's", "open", "a symlink"])
def test_what_others_can_write_is_not_used(
    state: State, tmp_path: Path, part: str, how: str
) -> None:
    own = make(state.mirror("/a", "/b"))
    place = {"home": state.home, "kind": os.path.dirname(own), "own": own}[part]
    match how:
        case "another user's":
            os.chown(place, 4242, 4242)
        case "open":
            os.chmod(place, 0o777)
        case "a symlink":
            os.rename(place, tmp_path / "moved")
            os.symlink(tmp_path / "moved", place)
            if part == "home":
                os.chown(tmp_path / "moved", 4242, 4242)
    with pytest.raises(StateError, match="is not used") as caught:
        make(own)
    assert place in str(caught.value)


def test_a_home_that_all_share_is_used(state: State) -> None:
    os.mkdir(state.home)
    os.chmod(state.home, 0o1777)
    make(state.mirror("/a", "/b"))


def test_a_mirror_has_one_owner_id(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    one = owner(str(tmp_path / "a"), str(tmp_path / "b"))
    assert one == owner(str(tmp_path / "link"), str(tmp_path / "b"))
    assert one != owner(str(tmp_path / "b"), str(tmp_path / "a"))
    assert len(bytes.fromhex(one)) == 4
