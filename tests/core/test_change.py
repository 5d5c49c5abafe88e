"""Records: what is written is read again, and nothing that is not a change gets through."""

import random

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.change import (
    CRITICAL,
    MAX_TEXT,
    ChangeRefused,
    Clean,
    Cookie,
    Coverage,
    Dirty,
    Epoch,
    Gap,
    Moved,
    Ready,
    decode,
    encode,
)
from mirrorfs.core.tree import Identity, is_safe

names = st.binary(min_size=1, max_size=8).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in (b".", b"..")
)
below = st.lists(names, min_size=1, max_size=4).map(
    lambda parts: b"/".join(parts).decode("utf-8", "surrogateescape")
)
paths = below | st.just("")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
numbers = st.integers(0, 2**63)
identities = st.builds(Identity, texts, texts, numbers, numbers)
changes = st.one_of(
    st.builds(Dirty, paths, st.booleans()),
    st.builds(Moved, below, below),
    st.builds(Gap, paths, texts),
    st.builds(Epoch, texts, identities, texts, numbers, st.booleans()),
    st.just(Ready()),
    st.builds(Coverage, paths, texts, texts),
    st.builds(Cookie, texts),
    st.just(Clean()),
)


@given(changes)
def test_what_is_written_is_read_again(change):
    record = msgpack.unpackb(msgpack.packb(encode(change)))
    assert decode(record) == change
    assert type(decode(record)) is type(change)


GOOD_ROOT = ["fs", "ext4", 2, 1]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param([1, b"/etc/passwd", False], id="an absolute path"),
        pytest.param([1, b"a/../../b", False], id="a path that climbs out"),
        pytest.param([1, b"..", False], id="the directory above"),
        pytest.param([1, b"a/./b", False], id="a dot"),
        pytest.param([1, b"a//b", False], id="an empty component"),
        pytest.param([1, b"a/", False], id="a trailing slash"),
        pytest.param([1, b"a\0b", False], id="a NUL"),
        pytest.param([1, "a", False], id="a path that is text"),
        pytest.param([1, None, False], id="no path"),
        pytest.param([1, b"a", 1], id="a number for a flag"),
        pytest.param([1, b"a"], id="a field too few"),
        pytest.param([1, b"a", False, False], id="a field too many"),
        pytest.param([2, b"", b"a"], id="the root moved away"),
        pytest.param([2, b"a", b""], id="something moved onto the root"),
        pytest.param([2, b"../a", b"b"], id="moved in from outside"),
        pytest.param([2, b"a", b"../b"], id="moved to the outside"),
        pytest.param([2, 0, b"b"], id="moved from a number"),
        pytest.param([CRITICAL | 3, b"a", b"why"], id="a reason that is bytes"),
        pytest.param([CRITICAL | 3, b"a", "x" * (MAX_TEXT + 1)], id="a reason without end"),
        pytest.param([CRITICAL | 3, b"..", "why"], id="a gap outside"),
        pytest.param([CRITICAL | 4, "b", "four", "x", 1, False], id="an identity that is text"),
        pytest.param([CRITICAL | 4, "b", GOOD_ROOT[:3], "x", 1, False], id="half an identity"),
        pytest.param([CRITICAL | 4, "b", [1, 2, 3, 4], "x", 1, False], id="an identity of numbers"),
        pytest.param([CRITICAL | 4, "b", GOOD_ROOT, "x", 1.5, False], id="half a nanosecond"),
        pytest.param([CRITICAL | 4, "b", GOOD_ROOT, "x", True, False], id="true for a time"),
        pytest.param([CRITICAL | 4, "b", {}, "x", 1, False], id="an identity that is a map"),
        pytest.param([5, 1], id="ready, with something more"),
        pytest.param([6, b"a", "watched"], id="coverage without a reason"),
        pytest.param([7, b"nonce"], id="a cookie of bytes"),
        pytest.param([7], id="a cookie without a nonce"),
        pytest.param([True], id="true for a kind"),
        pytest.param(["1", b"a", False], id="text for a kind"),
        pytest.param([-1], id="a negative kind"),
        pytest.param([2**63], id="a huge kind"),
        pytest.param([10**5000 | CRITICAL], id="a kind of five thousand digits"),
        pytest.param([1.0, b"a", False], id="half a kind"),
        pytest.param([[1]], id="a kind within"),
        pytest.param([], id="nothing"),
        pytest.param(None, id="no record"),
        pytest.param({1: b"a"}, id="a map"),
        pytest.param(b"\x01a", id="bytes"),
        pytest.param("1a", id="text"),
        pytest.param(1, id="a number"),
    ],
)
def test_refused(record):
    with pytest.raises(ChangeRefused) as caught:
        decode(record)
    assert len(str(caught.value)) < 600


def test_a_deep_record_is_refused_too():
    record = [1]
    for _ in range(5000):
        record = [record]
    for hostile in (record, [1, record, False], [CRITICAL | 4, "b", record, "x", 1, False]):
        with pytest.raises(ChangeRefused):
            decode(hostile)


def test_a_big_record_is_refused_without_being_copied_out():
    with pytest.raises(ChangeRefused) as caught:
        decode([1, b"/" + b"x" * 50_000_000, False])
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("kind", [9, 15, 0x3F])
def test_a_newer_record_that_may_be_skipped(kind):
    assert decode([kind, "whatever", {"it": "is"}]) is None


@pytest.mark.parametrize("kind", [CRITICAL | 5, CRITICAL, 0x7F])
def test_a_newer_record_that_may_not_be_skipped_is_a_gap_over_everything(kind):
    change = decode([kind, "whatever"])
    assert isinstance(change, Gap)
    assert change.path == ""


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.binary(max_size=5) | st.sampled_from([b"..", b"/", b"a", "why", 1, CRITICAL | 4]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)  # fmt: skip
kinds = st.sampled_from([1, 2, 3, CRITICAL | 3, CRITICAL | 4, 5, 6, 7, 8, 9, CRITICAL])


@given(st.lists(values, max_size=6) | st.builds(lambda kind, rest: [kind, *rest], kinds,
                                                st.lists(values, max_size=5)) | values)  # fmt: skip
def test_nothing_but_changes_and_refusals(record):
    sound(record)


def test_thousands_of_damaged_records():
    """Good records with bytes changed, cut and repeated, as far as they are msgpack at all."""
    chance = random.Random(11)
    good = [
        Dirty("a/b", True),
        Moved("a", "b/c"),
        Gap("x", "overflow"),
        Epoch("boot", Identity("fs", "ext4", 2, 1), "inotify", 5, True),
        Coverage("a", "polled", "nfs"),
        Cookie("nonce"),
    ]
    raw = [msgpack.packb(encode(change)) for change in good]
    seen = {"read": 0, "refused": 0}
    for _ in range(20_000):
        damaged = bytearray(chance.choice(raw))
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.choice(
                [chance.randrange(256), 0, 0x2E, 0x2F, 0x90, 0xC0]
            )
        try:
            record = msgpack.unpackb(bytes(damaged))
        except (ValueError, msgpack.UnpackException):
            continue
        seen["read" if sound(record) else "refused"] += 1
    assert min(seen.values()) > 1000, seen


def sound(record):
    """Whether a record is a change; whatever else it is must be refused in the one way."""
    try:
        change = decode(record)
    except ChangeRefused:
        return False
    if change is not None:
        for field in ("path", "origin"):
            path = getattr(change, field, "")
            assert type(path) is str and is_safe(path)
        assert decode(encode(change)) == change
    return True
