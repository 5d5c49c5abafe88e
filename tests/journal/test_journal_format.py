"""The codec alone: no file system, every byte of the documented format."""

import tracemalloc
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal import Reader, RecordInvalid, Writer, codec, verify
from journal.codec import Bad, Frame, Header, Stop

HEADER = Header(b"j" * 16, b"e" * 16, b"b" * 16, 11)
SEED = codec.seed(HEADER)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
    | st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=12)
batches = st.lists(st.lists(values, min_size=1, max_size=8), min_size=1, max_size=8)


def frames_of(batches: list[list[Any]]) -> list[bytes]:
    sequence, previous, frames = HEADER.first - 1, SEED, []
    for batch in batches:
        for payload, count in codec.pack(batch):
            sequence += count
            frame, previous = codec.encode_frame(
                payload, count=count, sequence=sequence, previous=previous, synced=0, seed=SEED
            )
            frames.append(frame)
    return frames


def read_frames(data: bytes) -> tuple[list[Any], Stop | Bad]:
    at, previous, sequence, records = 0, SEED, HEADER.first - 1, []
    while isinstance(found := codec.parse_frame(data, at, SEED), Frame):
        if (bad := codec.follows(found, HEADER, previous, sequence)) is not None:
            return records, bad
        records += codec.unpack(found.payload, found.records)
        at, previous, sequence = at + found.size, found.crc, found.sequence
    return records, found


@given(batches)
def test_any_batches_round_trip(batches: list[list[Any]]) -> None:
    data = b"".join(frames_of(batches))
    assert read_frames(data) == ([record for batch in batches for record in batch], Stop.END)
    assert len(data) % 8 == 0


@given(st.tuples(*[st.binary(min_size=16, max_size=16)] * 3, st.integers(1, 2**64 - 1)))
def test_headers_round_trip(given: tuple[bytes, bytes, bytes, int]) -> None:
    header = Header(*given)
    data = codec.encode_header(header)
    assert len(data) == codec.HEADER_SIZE
    assert codec.decode_header(data) == header


def test_every_flipped_bit_of_a_header_is_seen() -> None:
    data = codec.encode_header(HEADER)
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        assert isinstance(codec.decode_header(bytes(flipped)), Bad)


@settings(max_examples=30)
@given(batches, st.randoms(use_true_random=False))
def test_i9_mutated_frames_give_a_prefix_or_an_error_of_ours(
    batches: list[list[Any]], random: Any
) -> None:
    frames = frames_of(batches)
    data = b"".join(frames)
    records = [record for batch in batches for record in batch]
    for _ in range(200):
        mutated = bytearray(data)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(mutated))
            match random.randrange(4):
                case 0:
                    mutated[at] = random.randrange(256)
                case 1:
                    del mutated[at : at + random.randint(1, 64)]
                    mutated = mutated or bytearray(8)
                case 2:
                    mutated[at:at] = random.randbytes(random.randint(1, 64))
                case _:
                    mutated[at : at + 16] = mutated[: len(mutated[at : at + 16])]
        got, _ = read_frames(bytes(mutated))
        assert got == records[: len(got)]


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 1024))
def test_i9_any_payload_decodes_or_is_refused(payload: bytes, count: int) -> None:
    try:
        assert len(codec.unpack(payload, count)) == count
    except RecordInvalid:
        pass


HOSTILE = {
    "nested arrays that claim the most": b"\xdc\x04\x00" * 1023,
    "nested arrays of unbounded claims": b"\xdd\xff\xff\xff\xff" * 1000,
    "empty maps": b"\xdc\x04\x00" + (b"\xdc\x00\x3c" + b"\x80" * 60) * 1024,
    "empty lists in full lists": b"\xdc\x04\x00" + (b"\xdc\x00\x3c" + b"\x90" * 60) * 1024,
    "a long string": b"\x91\xdb\xff\xff\xff\xff" + b"s" * 60_000,
    "an extension": b"\x91\xd4\x05\x00",
    "a timestamp": b"\x91\xd6\xff\x00\x00\x00\x00",
    "deep nesting": b"\x91" * 60_000 + b"\xc0",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_i9_decoding_is_bounded(kind: str) -> None:
    payload = HOSTILE[kind]
    assert len(payload) <= codec.MAX_PAYLOAD
    tracemalloc.start()
    try:
        for count in (1, 1024):
            try:
                codec.unpack(payload, count)
            except RecordInvalid:
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize(
    "record",
    [
        object(),
        {1, 2},
        2**64,
        "\ud800\ud800",
        [0] * 1025,
        b"x" * codec.MAX_PAYLOAD,
        msgpack.ExtType(5, b"x"),
        msgpack.Timestamp(1),
        {3: 4},
    ],
    ids=lambda record: str(record)[:20].encode("ascii", "replace").decode(),
)
def test_what_could_not_be_read_back_is_not_accepted(record: Any, directory: Path) -> None:
    with Writer(directory) as writer:
        before = writer.position
        with pytest.raises(RecordInvalid):
            writer.append([1, record])
        assert writer.position == before
        writer.append([2])
    assert [batch.records for batch in Reader(directory).read()] == [(2,)]


def test_large_batches_become_frames_within_the_bounds() -> None:
    parts = codec.pack([b"y" * 1000] * 5000)
    assert sum(count for _, count in parts) == 5000
    assert max(len(payload) for payload, _ in parts) <= codec.MAX_PAYLOAD
    assert max(count for _, count in parts) <= codec.MAX_ITEMS


def test_the_example_of_the_docstring_is_true(directory: Path, damage: Any) -> None:
    with Writer(directory) as writer:
        writer.append([[1, b"a"]])
        data = damage(directory).segment().read_bytes()
    crc = data[92:96]
    assert data[:16] == b"JOURNAL\n\x01\0\0\0\0\0\0\0"
    assert data[96:112] == b"\xf5FR\n\x06\0\0\0" + crc + b"\x01\0\0\0"
    assert data[112:124] == b"\x01" + bytes(7) + b"\x60" + bytes(3)
    assert data[128:136] == b"\x91\x92\x01\xc4\x01a\0\0"
    assert not any(data[136:])


VERSION_1 = bytes.fromhex(
    "4a4f55524e414c0a01000000000000006a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6565656565656565"
    "6565656565656565626262626262626262626262626262620b000000000000000000000000000000"
    "0000000000000000000000004c0cb289f546520a070000004c0cb289020000000c00000000000000"
    "6000000020af015f9207c403612f6200f546520a0100000020af015f000000000c00000000000000"
    "880000008de4d1599000000000000000"
)


def test_version_1_stays_readable(directory: Path, read: Any) -> None:
    """A segment as the first release wrote it, two records and a seal; never edit these bytes."""
    directory.mkdir(mode=0o700)
    path = directory / f"000000000000000b-{'65' * 16}.segment"
    path.write_bytes(VERSION_1)
    path.chmod(0o600)
    assert read(directory) == ([7, b"a/b"], None)
    assert verify(directory).end == "clean"
    with Writer(directory) as writer:
        assert writer.recovered.state == "clean"
        assert writer.journal == "6a" * 16
        writer.append([8])
    assert read(directory) == ([7, b"a/b", 8], None)
