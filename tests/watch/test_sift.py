"""What a read comes to: the same in Python and in C, and no event is lost."""

import struct
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirrorfs.trees.local import native
from mirrorfs.watch.inotify import (
    ATTRIB,
    CLOSE_WRITE,
    CREATE,
    DELETE,
    IGNORED,
    ISDIR,
    MODIFY,
    MOVED_FROM,
    MOVED_TO,
    OVERFLOW,
    UNMOUNT,
    decode,
)
from mirrorfs.watch.sift import Sift, plain, sift

COOKIES = 7
NAMES = [b"", b"a", b"b", b"a.b", b"#42", b"\xff\xfe", b"n" * 255, b"inner\0nul"]
PLAIN = [CREATE, MODIFY, ATTRIB, CLOSE_WRITE, DELETE]
RARE = [MOVED_FROM, MOVED_TO, OVERFLOW, IGNORED, UNMOUNT, *(mask | ISDIR for mask in PLAIN)]
each = pytest.mark.parametrize("sifting", [plain, sift], ids=["plain", "chosen"])


def raw(wd: int, mask: int, name: bytes = b"", cookie: int = 0, pad: int = 1) -> bytes:
    padded = name + b"\0" * (-len(name) % 16 + 16 * (pad - 1) + (16 if len(name) % 16 == 0 else 0))
    padded = padded if name else b""
    return struct.pack("iIII", wd, mask, cookie, len(padded)) + padded


event = st.builds(
    raw,
    st.sampled_from([1, 2, COOKIES, 9, -1, 0, 2**31 - 1]),
    st.one_of(st.sampled_from(PLAIN), st.sampled_from(RARE), st.integers(0, 2**32 - 1)),
    st.sampled_from(NAMES),
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
)
buffers = st.lists(event, max_size=30).map(b"".join)


def answer(sifting: Sift, data: bytes, cookies: int) -> object:
    try:
        return sifting(data, cookies)
    except ValueError as error:
        return str(error)


def test_it_is_compiled_where_a_compiler_is() -> None:
    assert (sift is plain) == (native.load() is None)


@given(buffers, st.sampled_from([0, COOKIES]), st.integers(0, 60))
@example(raw(1, CREATE, b"a")[:17], 0, 0)
@example(b"\1", 0, 0)
def test_c_answers_as_python_does(data: bytes, cookies: int, cut: int) -> None:
    for part in (data, data[:-cut]):
        assert answer(sift, part, cookies) == answer(plain, part, cookies)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_lead_astray(data: bytes) -> None:
    assert answer(sift, data, COOKIES) == answer(plain, data, COOKIES)


@given(buffers)
def test_no_event_is_lost(data: bytes) -> None:
    events = decode(data)
    count, finished, touched, opened, rare = sift(data, COOKIES)
    assert count == len(events)
    assert rare == [
        found
        for found in events
        if found[1] not in PLAIN or (found[1] == CREATE and found[0] == COOKIES)
    ]
    told = {
        (wd, name) for names in (finished, touched, opened) for wd in names for name in names[wd]
    }
    told |= {(wd, name) for wd, _, _, name in rare}
    assert told == {(wd, name) for wd, _, _, name in events}


@each
def test_a_name_that_was_finished_is_not_open(sifting: Sift) -> None:
    for before, after in product([CREATE, MODIFY], [CLOSE_WRITE, DELETE]):
        data = raw(1, before, b"f") + raw(1, after, b"f") + raw(1, before, b"f")
        assert sifting(data, 0) == (3, {1: {b"f": None}}, {}, {}, [])


@each
def test_a_name_that_was_created_and_written_to_was_written_to(sifting: Sift) -> None:
    data = raw(1, CREATE, b"f") + raw(2, CREATE, b"f") + raw(1, MODIFY, b"f")
    data += raw(1, CREATE, b"f")
    assert sifting(data, 0) == (4, {}, {}, {1: {b"f": True}, 2: {b"f": False}}, [])


@each
def test_attributes_of_what_is_open_wait_with_it(sifting: Sift) -> None:
    data = raw(1, ATTRIB, b"f") + raw(1, CREATE, b"g") + raw(1, ATTRIB, b"g")
    assert sifting(data, 0) == (3, {}, {1: {b"f": None}}, {1: {b"g": False}}, [])


@each
def test_a_rename_takes_the_name_out_of_what_is_open_and_keeps_its_place(sifting: Sift) -> None:
    data = raw(1, MODIFY, b"f") + raw(1, MOVED_FROM, b"f", 5) + raw(2, MOVED_TO, b"g", 5)
    data += raw(2, MODIFY, b"g")
    rare = [(1, MOVED_FROM, 5, b"f"), (2, MOVED_TO, 5, b"g")]
    assert sifting(data, 0) == (4, {}, {}, {2: {b"g": True}}, rare)


@each
def test_a_cookie_is_no_file_that_was_created(sifting: Sift) -> None:
    data = raw(COOKIES, CREATE, b"nonce") + raw(1, CREATE, b"f")
    rare = [(COOKIES, CREATE, 0, b"nonce")]
    assert sifting(data, COOKIES) == (2, {}, {}, {1: {b"f": False}}, rare)
