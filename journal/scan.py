"""Walk the frames of one segment, and say how the walk ended.

A walk stops at the first byte that is not the next frame. What that means depends on what lies
behind it, and there are three answers, never conflated:

clean    only zeros follow: nothing was written there.
torn     something follows that was never promised: the rest of a frame that a crash cut short.
corrupt  a whole frame follows that proves the bytes here were once good: either the machine has
         not been restarted since they were written (the page cache keeps the order of writes), or
         that frame says that a flush covered them (`synced`). Write-back after a power cut keeps
         no order, so without such proof a later frame is part of a torn tail.
"""

import os
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from journal import codec
from journal.codec import Bad, Frame, Header, Stop
from journal.errors import JournalCorrupt

End = Literal["clean", "torn", "corrupt"]
NEAR: Final = 128 * 1024
_CHUNK = NEAR
_ZEROS = bytes(_CHUNK)
assert codec.MAX_FRAME <= _CHUNK


class Ending(NamedTuple):
    """`extent`: bytes from the end of the good frames to the last byte that is not zero."""

    state: End
    reason: str = ""
    extent: int = 0


class Walk:
    """The place reached in a segment: `offset`, the chain's last checksum, the last sequence."""

    def __init__(
        self,
        fd: int,
        header: Header,
        path: str,
        *,
        offset: int = codec.HEADER_SIZE,
        previous: int | None = None,
        sequence: int | None = None,
    ) -> None:
        self._fd = fd
        self.header = header
        self.path = path
        self.seed = codec.seed(header)
        self.offset = offset
        self.previous = self.seed if previous is None else previous
        self.sequence = header.first - 1 if sequence is None else sequence
        self.stop: Stop | Bad = Stop.END

    def frames(self) -> Iterator[Frame]:
        """The frames from here on. May be called again: it looks anew at where it stopped."""
        base, buffer, fresh = self.offset, b"", False
        while True:
            found = codec.parse_frame(buffer, self.offset - base, self.seed)
            if isinstance(found, Frame):
                if (bad := self._misplaced(found)) is None:
                    self.offset += found.size
                    self.previous = found.crc
                    self.sequence = found.sequence
                    fresh = False
                    yield found
                    continue
                found = bad
            if fresh:
                self.stop = found
                return
            base, buffer, fresh = self.offset, self._read(self.offset, _CHUNK), True

    def _misplaced(self, frame: Frame) -> Bad | None:
        return codec.follows(frame, self.header, self.previous, self.sequence)

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            raise JournalCorrupt(self.path, offset, f"cannot be read: {error.strerror}") from error

    @property
    def reason(self) -> str:
        return self.stop.reason if isinstance(self.stop, Bad) else "the frames end here"

    def continued_by(self, header: Header) -> str | None:
        """Why the segment with this header is not the next one; None when it is.

        Not asked of a header that is marked broken: it continues nothing.
        """
        own = self.header
        step = 1 if header.epoch == own.epoch else 2
        chain = own.closing if own.compacted else self.previous
        if own.compacted and self.sequence != own.last:
            return f"the compacted range is not complete: {self.reason}"
        if header.journal != own.journal:
            return "another journal's segment follows"
        if header.first != self.sequence + step or header.previous != chain:
            return f"records are missing before record {header.first}: {self.reason}"
        return None

    def ending(self, boot: bytes, reach: int = codec.MAX_SEGMENT) -> Ending:
        """How the segment ends behind a walk that has stopped, judged by the next `reach` bytes.

        `boot` is the running system's. Where the walk stopped at zeros, a small reach is cheap and
        finds what a lost sector leaves; all of it is looked at before anything is cut.
        """
        extent, proof = 0, False
        for base in range(self.offset, self.offset + reach, _CHUNK):
            block = self._read(base, _CHUNK)
            if not block:
                break
            if block == _ZEROS[: len(block)]:
                continue
            extent = base + len(block.rstrip(b"\0")) - self.offset
            at = codec.find_frame(block, self.seed)
            while at is not None and not proof:
                later = codec.parse_frame(self._read(base + at, codec.MAX_FRAME), 0, self.seed)
                if isinstance(later, Frame):
                    proof = self.header.boot == boot or later.synced > self.offset
                at = codec.find_frame(block, self.seed, at + 1)
        if proof:
            return Ending("corrupt", self.reason, extent)
        return Ending("torn", self.reason, extent) if extent else Ending("clean")
