"""What is known of file systems inside the source, and when that makes a place unknown."""

from mirrorfs.core.mounts import Mounted, Mounts, concerns, shaken
from mirrorfs.core.tree import Identity, Trouble

DRIVE = Mounted(Identity("uuid", "ext4", 2, 7), 11)
OTHER = Mounted(Identity("other", "ext4", 2, 8), 12)
MEMORY = Mounted(Identity("random", "tmpfs", 1, 9), 13)


def everywhere(path):
    return True


def look(mounts, now, takes=everywhere, learns=True):
    return mounts.look(now, takes, learns=learns)


def known(**places):
    mounts = Mounts()
    assert look(mounts, places) == {}
    mounts.changed = False
    return mounts


def test_what_is_new_is_known_from_then_on():
    mounts = Mounts()
    assert look(mounts, {"m": DRIVE}) == {}
    assert mounts.changed
    assert mounts.known == {"m": DRIVE.identity}


def test_what_is_gone_is_unknown_until_it_is_back():
    mounts = known(m=DRIVE)
    failure = look(mounts, {})["m"]
    assert (failure.path, failure.trouble) == ("m", Trouble.STALE)
    assert "ext4" in failure.message
    assert look(mounts, {})
    assert look(mounts, {"m": DRIVE._replace(instance=99)}) == {}
    assert not mounts.changed


def test_another_in_its_place_is_unknown():
    mounts = known(m=DRIVE)
    assert "replaced" in look(mounts, {"m": OTHER})["m"].message
    assert "replaced" in look(mounts, {"m": MEMORY})["m"].message


def test_what_ends_with_the_mount_is_the_same_when_it_is_mounted_anew():
    mounts = known(m=MEMORY)
    anew = Mounted(Identity("another", "tmpfs", 1, 99), 20)
    assert look(mounts, {"m": anew}) == {}
    assert set(look(mounts, {})) == {"m"}


def test_what_shows_elsewhere_has_moved():
    mounts = known(m=DRIVE)
    assert look(mounts, {"n": DRIVE}) == {}
    assert set(mounts.known) == {"n"}
    assert mounts.changed


def test_what_ends_with_the_mount_moves_only_as_the_same_mount():
    mounts = known(m=MEMORY)
    assert look(mounts, {"n": MEMORY}) == {}
    assert set(look(mounts, {"o": MEMORY._replace(instance=30)})) == {"n"}


def test_a_second_place_of_the_same_takes_nothing_from_the_first():
    mounts = known(m=DRIVE)
    assert look(mounts, {"m": DRIVE, "n": DRIVE._replace(instance=20)}) == {}
    assert set(look(mounts, {"n": DRIVE._replace(instance=20)})) == {"m"}


def test_what_the_filter_leaves_out_is_neither_known_nor_missed():
    mounts = known(m=DRIVE)
    assert look(mounts, {}, takes=lambda path: False) == {}
    assert look(mounts, {"m": DRIVE, "n": OTHER}, learns=False) == {}
    assert set(mounts.known) == {"m"}


def test_what_the_user_knows_to_be_gone_is_forgotten():
    mounts = known(m=DRIVE)
    mounts.forget()
    assert mounts.changed
    assert look(mounts, {}) == {}


def test_what_changed_between_two_looks():
    assert shaken({"m": DRIVE, "n": OTHER}, {"m": DRIVE._replace(instance=12), "n": OTHER}) == ["m"]
    assert sorted(shaken({"m": DRIVE}, {"n": DRIVE})) == ["m", "n"]
    assert concerns("m/below", ["m"])
    assert concerns("above", ["above/m"])
    assert not concerns("mm", ["m"])
