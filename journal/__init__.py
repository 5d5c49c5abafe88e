"""An append-only journal of opaque records: one writer, any number of readers, files and no server.

    with Writer("state") as writer:                      # takes the lock, mends the end
        writer.append([[1, b"a/b"], [1, b"c"]])          # one frame: visible at once, as a whole
        writer.sync()                                    # durable

    reader, cursor = Reader("state"), CursorFile("state/cursor-backup")
    for position, records in reader.read(after):         # after: a Position or None
        ...
        cursor.store({"epoch": position.epoch, "sequence": position.sequence})

Records are msgpack values (no extension types); arrays come back as tuples. What a record *means*
is the caller's; the journal answers for order, for wholeness, and for saying so when it cannot.


Names
=====
    lock                                                who writes (flock; holds the process id)
    <first>-<epoch>.segment                             records from number <first> on
    <first>-<epoch>-<last>.segment                      a compacted range, first to last
    <segment's name>.torn, <segment's name>.broken      evidence kept by recovery
    .new-<name>                                         not yet born; removed at the next start
    <anything else>                                     not the journal's (cursors may live here)

<first> and <last> are 16, <epoch> 32 lower-case hex digits. By name alone a reader knows where to
begin. A compacted segment supersedes every segment whose <first> is within its range.

A record's *sequence number* grows by one per record, over the whole journal. An *epoch* is one
unbroken run of writing, named by a random uuid. Its beginning takes one number for itself, so if a
journal ends with record 9 of one epoch, position 10 is the next epoch's beginning and its first
record is 11; thus (epoch, number) never means two things. The first record ever is number 1.


Format, version 1
=================
All numbers are little-endian and unsigned.

    segment  =  header  { frame }  zeros
    header   =  "JOURNAL\\n"  version:4 = 1  flags:4  journal:16  epoch:16  boot:16
                first:8  last:8  previous:4  closing:4  zero:4  crc:4                    (96 bytes)
    frame    =  F5 "FR\\n"  length:4  previous:4  count:4  sequence:8  synced:4  crc:4    (32 bytes)
                payload:length  zeros to a multiple of 8
    payload  =  one msgpack array of `count` records

    flags     1  compacted: `last` and `closing` hold, numbers inside the range are gone
              2  broken: what came before this segment may be incomplete
    journal   a random uuid, the same in all segments
    boot      the boot id of the system that wrote the segment: a segment belongs to one boot
    previous  in a header: `crc` of the last frame before it (of its header, if it has no frame),
              0 in the very first; in a frame: `crc` of the frame before it, or of the header
    closing   in a compacted header: the `crc` that the segment behind it names as `previous`
    sequence  the number of the frame's last record. In a compacted segment all frames but the
              last say first - 1, and the last one says `last`: the range is passed as a whole
    synced    bytes of this segment that a finished flush covered when the frame was written
    crc       zlib.crc32 of all bytes before it, for a frame followed by the payload and started
              from the header's `crc`, so that no frame fits into another segment

An empty frame (count 0, payload 90) with synced = its own offset is a *seal*: a clean close. The
first 96 bytes keep their form and checksum in every later version, so "too new" can be told from
"damaged". A segment holds at most 1 GiB, a frame 64 KiB of payload and 1,024 records; longer
batches become several frames. A segment is preallocated, so a first word of zero is its end.

Example. A writer appends [[1, b"a"]] as the first frame of a new journal:

    offset 96   F5 46 52 0A   06 00 00 00   <header's crc>   01 00 00 00      payload of 6, 1 record
          112   01 00 00 00 00 00 00 00     60 00 00 00      <crc>            record 1; the header
          128   91 92 01 C4 01 61   00 00                                     is flushed; the batch
          136   00 ...                                                        the end, for now


Three endings
=============
A *clean end* is followed by zeros. A *torn tail* is what a crash in the middle of an append
leaves, or a power cut of what was not yet flushed: recovery keeps the bytes as `.torn`, cuts and
begins a new epoch. *Corruption* is damage to what once was good, and needs proof: a whole frame
behind the damage that was written in the same boot, or that says `synced` beyond the damage.
Recovery keeps the file as `.broken`, cuts it where the damage begins, and marks the next segment
broken. Readers get all that was good and then `JournalCorrupt`; so they do for a missing or foreign
segment, because a header names the end of the segment before it.

A cursor past the end (records seen, then lost in a power cut) names an epoch that ended earlier:
`CursorLost`. That is why an epoch is continued only after a clean end and within one boot.


Drawbacks
=========
- Damage to the last frames of a segment with nothing whole behind them looks like a torn tail:
  a seal or one more frame is needed to prove the contrary.
- zlib.crc32 finds accidents, not forgery. The directory is 0700 and whoever can write it is you.
- A zeroed stretch that swallows exactly the end of the last segment, or removing that segment,
  looks like an older journal; only a cursor or the seal knows better.
- A frame is the unit of damage: one flipped bit costs a batch and makes everything after it in the
  segment unreachable. There is no repair but reading the world again.
- Every epoch costs a file, two fsyncs and, while it is written, 8 MiB of space.
- A forked child keeps the lock for as long as it lives without exec.


Invariants
==========
Kept here, each with a test of its name:

I2   No silent gap. A reader never steps over missing, damaged or dropped records: it gets
     `JournalCorrupt` or `CursorLost` before any later record.
I3   Monotone. Numbers strictly increase, an epoch is never used again, `durable` never falls, and
     what a reader sees is a prefix of what was appended.
I4   Prefix durability. After a crash at any point the journal is a prefix of the appended frames,
     and at least what `sync` had returned for; after a kill, at least what `append` had.
I5   Cursor files hold the old mapping or the new one, never another.
I7   Compaction covers. After any position a compacted journal delivers at least fold of what the
     raw one did, given the fold's own soundness.
I8   Bounded. After `trim`, all but the last segment fit the budget; a reader holds one frame.
I9   Hostile input. Whatever the files hold, only errors of this package come out, and decoding a
     frame takes less than 16 MiB.
I10  Single writer. The second one is refused by name; the lock does not outlive its process.
I11  Continuity is proven. An epoch goes on only after a clean end within one boot; the rest of the
     proof (was anything missed meanwhile?) is the caller's, who asks for `continue_epoch`.

Kept by the caller: I1 (every change has a record), I5's other half (a cursor moves only after
what it vouches for is durable), I6 (replay is idempotent), I7's fold, and of I2 the gap record that
must come first after `JournalUnwritable` or a recovery that was not clean.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from journal.alive import writer_alive
from journal.cursor import CursorFile
from journal.errors import (
    CursorDamaged,
    CursorLost,
    JournalCorrupt,
    JournalError,
    JournalGone,
    JournalLocked,
    JournalUnreadable,
    JournalUnsafe,
    JournalUnwritable,
    JournalVersion,
    Lost,
    RecordInvalid,
)
from journal.position import Position

if TYPE_CHECKING:
    from journal.reader import Batch, Reader
    from journal.recovery import Recovery
    from journal.retention import Compaction, Fold, Retention, compact, retain, trim
    from journal.verify import Report, verify
    from journal.writer import SEGMENT_SIZE, Writer

# What reads or writes records needs msgpack; who only asks whether there are any does without.
_LATER = {
    "reader": ("Batch", "Reader"),
    "recovery": ("Recovery",),
    "retention": ("Compaction", "Fold", "Retention", "compact", "retain", "trim"),
    "verify": ("Report", "verify"),
    "writer": ("SEGMENT_SIZE", "Writer"),
}


def __getattr__(name: str) -> object:
    for module, names in _LATER.items():
        if name in names:
            found = import_module(f"journal.{module}")
            globals().update({each: getattr(found, each) for each in names})
            return globals()[name]
    raise AttributeError(f"module 'journal' has no attribute {name!r}")


__all__ = [
    "SEGMENT_SIZE",
    "Batch",
    "Compaction",
    "CursorDamaged",
    "CursorFile",
    "CursorLost",
    "Fold",
    "JournalCorrupt",
    "JournalError",
    "JournalGone",
    "JournalLocked",
    "JournalUnreadable",
    "JournalUnsafe",
    "JournalUnwritable",
    "JournalVersion",
    "Lost",
    "Position",
    "Reader",
    "RecordInvalid",
    "Recovery",
    "Report",
    "Retention",
    "Writer",
    "compact",
    "retain",
    "trim",
    "verify",
    "writer_alive",
]
