"""The one who appends. A frame is visible to every reader when `append` returns, and durable when
`sync` has returned; nothing is promised before that, and nothing promised is taken back.

Order: the records of a segment are on the disk before the next segment has a name, so a power cut
can shorten the journal but not leave a hole in it. A descriptor whose flush failed is never
flushed again (Linux reports a lost page once and then calls it clean): its segment is left, and
the next one says that what lies before it may be incomplete.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import EIO
from typing import Any, Final, Self

from journal import codec, files, segment
from journal.codec import BROKEN, Header
from journal.errors import JournalGone, JournalUnwritable
from journal.position import Position
from journal.recovery import Recovery, Tail, recover
from journal.segment import Segment

SEGMENT_SIZE: Final = 8 << 20
MIN_SEGMENT_SIZE: Final = 4096
_SEAL = codec.frame_size(len(codec.EMPTY))


class Writer:
    """The journal in `directory` (made, mode 0700, if it is missing), open for appending.

    Append from one thread at a time; `sync` may be called from another one meanwhile.

    segment_size    bytes per segment, 4 KiB to 1 GiB; a larger frame gets a segment of its own
    continue_epoch  go on in the last epoch instead of beginning one. Granted only when the journal
                    ended cleanly and the machine has not been restarted since: see `continued`
    sync_every      flush by itself once this many records are not durable; None leaves it to the
                    caller, who has the clock that group commit needs
    on_append       called with the new position after each append, in the appending thread

    Raises `JournalLocked`, `JournalUnsafe`, `JournalVersion`, `JournalUnwritable`.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        segment_size: int = SEGMENT_SIZE,
        continue_epoch: bool = False,
        sync_every: int | None = None,
        on_append: Callable[[Position], None] | None = None,
    ) -> None:
        if not MIN_SEGMENT_SIZE <= segment_size <= codec.MAX_SEGMENT:
            raise ValueError(f"segment_size={segment_size}")
        self.directory = os.fspath(directory)
        self._lock = os.path.join(self.directory, "lock")
        self._size = segment_size
        self._sync_every = sync_every
        self._on_append = on_append
        self._mutex = threading.Lock()
        self._fd = self._lock_fd = self._directory_fd = -1
        self._left = self._doubtful = False
        try:
            self._open(continue_epoch)
        except BaseException as error:
            self._release()
            if isinstance(error, OSError):
                raise JournalUnwritable(self.directory, error) from error
            raise

    def _open(self, continue_epoch: bool) -> None:
        with suppress(FileExistsError):
            os.mkdir(self.directory, mode=0o700)
        self._directory_fd = files.open_directory(self.directory)
        self._lock_fd = files.open_file(self._directory_fd, "lock", os.O_RDWR | os.O_CREAT)
        files.lock(self._lock_fd, self._who_has_it)
        os.ftruncate(self._lock_fd, 0)
        files.write_all(self._lock_fd, f"{os.getpid()}\n".encode(), 0)
        self.recovered: Recovery
        self.recovered, tail = recover(self._directory_fd, self.directory)
        self.continued: bool = (
            continue_epoch
            and self.recovered.state == "clean"
            and tail.header is not None
            and not tail.header.compacted
            and tail.header.boot == files.boot() != bytes(16)
        )
        if self.continued:
            self._resume(tail)
        else:
            self._begin_epoch(tail)
        self._durable = self._sequence

    def _who_has_it(self) -> str:
        holder = os.pread(self._lock_fd, 32, 0).decode("ascii", "replace").strip()
        return (
            f"the journal in {self.directory} is being written by process {holder or 'unknown'}; "
            "stop that process first, or use another directory"
        )

    def _resume(self, tail: Tail) -> None:
        assert tail.header is not None
        self._header = tail.header
        self._seed = codec.seed(tail.header)
        self._offset, self._chain, self._sequence = tail.offset, tail.previous, tail.sequence
        self._synced = self._offset
        name = segment.of(self._header).name
        self._fd = files.open_file(self._directory_fd, name, os.O_RDWR)
        if self._offset < self._size:
            os.posix_fallocate(self._fd, 0, self._size)

    def _begin_epoch(self, tail: Tail) -> None:
        old = tail.header
        # An epoch's beginning takes a number for itself, so (epoch, number) names it uniquely.
        first = max(tail.sequence, tail.floor) + 2
        broken = self.recovered.state == "corrupt" and BROKEN
        journal = old.journal if old else os.urandom(16)
        previous = (old.closing if old.compacted else tail.previous) if old else 0
        self._enter(Header(journal, os.urandom(16), files.boot(), first, 0, previous, 0, broken))
        if old is not None:
            self._give_back(segment.of(old), tail.offset)

    def _give_back(self, old: Segment, end: int) -> None:
        """Free what was set aside behind the frames of a segment that is no longer the last."""
        fd = files.open_file(self._directory_fd, old.name, os.O_RDWR)
        try:
            os.ftruncate(fd, end)
        finally:
            os.close(fd)

    def _enter(self, header: Header) -> None:
        """Begin a segment. Until it has succeeded, the old one stays the one that is written."""
        fd = segment.create(self._directory_fd, header, self._size)
        with self._mutex:
            old, self._fd = self._fd, fd
            self._header = header
            self._chain = self._seed = codec.seed(header)
            self._offset = self._synced = codec.HEADER_SIZE
            self._sequence = header.first - 1
            self._left = self._doubtful = False
        if old >= 0:
            os.close(old)

    @property
    def position(self) -> Position:
        """After the last record appended."""
        return Position(self._header.epoch.hex(), self._sequence)

    @property
    def durable(self) -> Position:
        """After the last record that a power cut cannot take."""
        return Position(self._header.epoch.hex(), self._durable)

    @property
    def journal(self) -> str:
        """The journal's own id: 32 hex digits, the same for its whole life."""
        return self._header.journal.hex()

    def append(self, records: Sequence[Any]) -> Position:
        """Write the records, in one frame if they fit into one, and return the position after them.

        A frame is seen by readers whole or not at all. Records: what msgpack can pack without
        extension types; 64 KiB each at most, and no array or map of more than 1,024 items.

        Raises `RecordInvalid`, `JournalGone` (nothing was written) or `JournalUnwritable` (of
        several frames the first ones may be in). After that the records are the caller's to account
        for; the next append begins a new segment.
        """
        self._require_place()
        for payload, count in codec.pack(records):
            self._append(payload, count)
        if self._on_append is not None:
            self._on_append(self.position)
        if self._sync_every is not None and self._sequence - self._durable >= self._sync_every:
            self.sync()
        return self.position

    def _require_place(self) -> None:
        """Readers go by names: what is appended to a file that has none any more is lost, and
        silently. Raises `JournalGone`, `JournalUnwritable`."""
        try:
            there, ours = os.stat(self._lock), os.fstat(self._lock_fd)
            found = (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
            found = found and os.fstat(self._fd).st_nlink > 0
        except (FileNotFoundError, NotADirectoryError):
            found = False
        except OSError as error:
            raise JournalUnwritable(self.directory, error) from error
        if not found:
            raise JournalGone(self.directory)

    def _append(self, payload: bytes, count: int) -> None:
        need = codec.frame_size(len(payload))
        try:
            # A frame larger than a segment still gets one: the first may go beyond the size.
            full = self._offset + need + _SEAL > self._size and self._offset > codec.HEADER_SIZE
            if self._left or full:
                self._rotate()
            self._write(payload, count)
        except OSError as error:
            self._left = True
            raise JournalUnwritable(self.directory, error) from error

    def _write(self, payload: bytes, count: int) -> None:
        sequence = self._sequence + count
        frame, crc = codec.encode_frame(
            payload,
            count=count,
            sequence=sequence,
            previous=self._chain,
            synced=self._synced,
            seed=self._seed,
        )
        files.write_all(self._fd, frame, self._offset)
        with self._mutex:
            self._offset += len(frame)
            self._chain = crc
            self._sequence = sequence

    def _rotate(self) -> None:
        if not self._doubtful:
            try:
                os.fdatasync(self._fd)
            except OSError:
                self._doubtful = True
                raise
            self._durable = max(self._durable, self._sequence)
        # What a failed write left behind, and the space that was set aside, go; before the next
        # segment has a name, because what is not last must end where its frames end.
        os.ftruncate(self._fd, self._offset)
        old = self._header
        flags = BROKEN if self._doubtful else 0
        first, previous = self._sequence + 1, self._chain
        self._enter(Header(old.journal, old.epoch, old.boot, first, 0, previous, 0, flags))

    def sync(self) -> Position:
        """Make everything appended before the call durable; return that position.

        Raises `JournalUnwritable`: then it is not known what of it is on the disk, the segment is
        left, and readers will be told so when they come to the next one.
        """
        with self._mutex:
            header, offset, sequence = self._header, self._offset, self._sequence
            if self._durable >= sequence:
                return self.durable
            if self._doubtful:
                error = OSError(EIO, "an earlier flush failed; append to begin a new segment")
                raise JournalUnwritable(self.directory, error)
            # A duplicate, because the appending thread may leave the segment meanwhile.
            fd = os.dup(self._fd)
        try:
            os.fdatasync(fd)
        except OSError as error:
            with self._mutex:
                if self._header is header:
                    self._left = self._doubtful = True
            raise JournalUnwritable(self.directory, error) from error
        finally:
            os.close(fd)
        with self._mutex:
            self._durable = max(self._durable, sequence)
            if self._header is header:
                self._synced = max(self._synced, offset)
            return Position(header.epoch.hex(), sequence)

    def close(self) -> None:
        """Flush, seal and let go of the lock, the lock even when `JournalUnwritable` is raised.

        The seal is an empty frame that says "flushed up to here", so that damage to the records
        before it can be told from a torn tail.
        """
        if self._fd < 0:
            return
        try:
            if not self._doubtful:
                self.sync()
            if not self._left:
                self._write(codec.EMPTY, 0)
                os.fdatasync(self._fd)
        except OSError as error:
            raise JournalUnwritable(self.directory, error) from error
        finally:
            self._release()

    def _release(self) -> None:
        for fd in (self._fd, self._lock_fd, self._directory_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock_fd = self._directory_fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
