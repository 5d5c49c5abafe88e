"""Whether two entries are equal: rclone's questions, in rclone's order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.compare import Verdict, comparer
from mirrorfs.core.options import Options, archive
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Entry, Kind

NOW = 10**18
SECOND = 10**9
FILE = Entry(Kind.FILE, 5, NOW, 0o644)
LINK = Entry(Kind.SYMLINK, 0, NOW, 0o777, target="x")
DIRECTORY = Entry(Kind.DIRECTORY, 0, NOW, 0o755)
DEVICE = Entry(Kind.CHARACTER_DEVICE, 0, NOW, 0o600, rdev=5)
PLAIN, ARCHIVE = Options(), archive(Options())
OLDER, NEWER = FILE._replace(mtime_ns=NOW - SECOND), FILE._replace(mtime_ns=NOW + SECOND)
BIGGER = FILE._replace(size=6)
CHMODDED = FILE._replace(mode=0o600)
ATTRIBUTES, CONTENT, UNSURE = Verdict.ATTRIBUTES, Verdict.CONTENT, Verdict.UNSURE
REFUSED, KEPT = Verdict.REFUSED, Verdict.KEPT


def opts(**changes):
    return replace(PLAIN, **changes)


def case(name, source, found, options, verdict, otherwise=None):
    return pytest.param(source, found, options, verdict, otherwise, id=name)


@pytest.mark.parametrize(
    ("source", "found", "options", "verdict", "otherwise"),
    [
        case("equal", FILE, FILE, PLAIN, None),
        case("another size", FILE, BIGGER, PLAIN, CONTENT),
        case("another size and time", FILE, BIGGER._replace(mtime_ns=0), PLAIN, CONTENT),
        case("another time: the content decides", FILE, OLDER, PLAIN, UNSURE, ATTRIBUTES),
        case("another time that is not kept", FILE, OLDER, opts(times=False), UNSURE),
        case("a nanosecond", FILE, FILE._replace(mtime_ns=NOW + 1), PLAIN, UNSURE, ATTRIBUTES),
        case("less than the window is equal", FILE, FILE._replace(mtime_ns=NOW + SECOND - 1),
             opts(modify_window_ns=SECOND), None),
        case("the window itself is not", FILE, NEWER, opts(modify_window_ns=SECOND), UNSURE,
             ATTRIBUTES),
        case("mode, not kept", FILE, CHMODDED, PLAIN, None),
        case("mode, kept", FILE, CHMODDED, opts(permissions=True), ATTRIBUTES),
        case("owner, not kept", FILE, FILE._replace(uid=1), PLAIN, None),
        case("owner, kept", FILE, FILE._replace(uid=1), opts(owners=True), ATTRIBUTES),
        case("group, kept", FILE, FILE._replace(gid=1), opts(owners=True), ATTRIBUTES),
        case("xattrs, kept", FILE._replace(xattrs=(("user.a", b""),)), FILE._replace(xattrs=()),
             opts(xattrs=True), ATTRIBUTES),
        case("xattrs, not kept", FILE._replace(xattrs=(("user.a", b""),)), FILE, PLAIN, None),
        case("identity means nothing", FILE, FILE._replace(inode=9, device=9, ctime_ns=9, links=2),
             ARCHIVE, None),
        case("size and mode: one transfer", FILE, BIGGER._replace(mode=0), ARCHIVE, CONTENT),

        case("--ignore-existing is asked first", FILE, BIGGER,
             opts(ignore_existing=True, ignore_times=True, immutable=True), KEPT),
        case("--ignore-existing keeps even the mode", FILE, CHMODDED,
             opts(ignore_existing=True, permissions=True), KEPT),
        case("--ignore-times, equal", FILE, FILE, opts(ignore_times=True), CONTENT),
        case("--ignore-times before --update", FILE, NEWER, opts(ignore_times=True, update=True),
             CONTENT),
        case("--update keeps the newer", FILE, NEWER._replace(size=9), opts(update=True), KEPT),
        case("--update keeps the newer by the window", FILE, NEWER,
             opts(update=True, modify_window_ns=SECOND), KEPT),
        case("--update replaces the older", BIGGER, OLDER, opts(update=True), CONTENT),
        case("--update, older, same size", FILE, OLDER, opts(update=True), UNSURE, ATTRIBUTES),
        case("--update, same time: only the size counts", FILE, BIGGER, opts(update=True), CONTENT),
        case("--update, same time and size", FILE, FILE, opts(update=True), None),
        case("--update --checksum", FILE, FILE, opts(update=True, checksum=True), UNSURE),
        case("--size-only and the time", FILE, OLDER, opts(size_only=True), None),
        case("--size-only and the size", FILE, BIGGER, opts(size_only=True), CONTENT),
        case("--size-only and the mode", FILE, CHMODDED, opts(size_only=True, permissions=True),
             ATTRIBUTES),
        case("--size-only --checksum", FILE, FILE, opts(size_only=True, checksum=True), None),
        case("--checksum, equal entries", FILE, FILE, opts(checksum=True), UNSURE),
        case("--checksum does not mind the time", FILE, OLDER, opts(checksum=True), UNSURE),
        case("--checksum, another size", FILE, BIGGER, opts(checksum=True), CONTENT),
        case("--checksum, then the mode", FILE, CHMODDED, opts(checksum=True, permissions=True),
             UNSURE, ATTRIBUTES),
        case("--ignore-size, same time", FILE, BIGGER, opts(ignore_size=True), None),
        case("--ignore-size, another time", FILE, BIGGER._replace(mtime_ns=0),
             opts(ignore_size=True), UNSURE, ATTRIBUTES),
        case("--ignore-size --size-only: nothing is left to ask", FILE, BIGGER,
             opts(ignore_size=True, size_only=True), None),
        case("--immutable, equal", FILE, FILE, opts(immutable=True), None),
        case("--immutable, another size", FILE, BIGGER, opts(immutable=True), REFUSED),
        case("--immutable, another time", FILE, OLDER, opts(immutable=True), REFUSED),
        case("--immutable --checksum: only the content can tell", FILE, FILE,
             opts(immutable=True, checksum=True), UNSURE),
        case("--immutable, another time that is not kept", FILE, OLDER,
             opts(immutable=True, times=False), UNSURE),
        case("--immutable is asked after --update", FILE, NEWER, opts(immutable=True, update=True),
             KEPT),

        case("another kind", FILE, LINK, PLAIN, CONTENT),
        case("another kind is no existing file", FILE, LINK, opts(ignore_existing=True), CONTENT),
        case("links, equal", LINK, LINK._replace(mode=0), ARCHIVE, None),
        case("links, another target", LINK, LINK._replace(target="y"), PLAIN, CONTENT),
        case("links, another time", LINK, LINK._replace(mtime_ns=0), PLAIN, ATTRIBUTES),
        case("links, another time that is not kept", LINK, LINK._replace(mtime_ns=0),
             opts(times=False), None),
        case("links, --ignore-existing", LINK, LINK._replace(target="y"),
             opts(ignore_existing=True), KEPT),
        case("links, --update", LINK, LINK._replace(target="y", mtime_ns=NOW + 1),
             opts(update=True), KEPT),
        case("links, --immutable", LINK, LINK._replace(target="y"), opts(immutable=True), REFUSED),
        case("links, another time, --checksum", LINK, LINK._replace(mtime_ns=0),
             opts(checksum=True), None),
        case("--immutable --ignore-times", FILE, FILE, opts(immutable=True, ignore_times=True),
             REFUSED),
        case("links, another owner", LINK, LINK._replace(uid=1), ARCHIVE, ATTRIBUTES),
        case("devices, equal", DEVICE, DEVICE, ARCHIVE, None),
        case("devices, another number", DEVICE, DEVICE._replace(rdev=6), ARCHIVE, CONTENT),
        case("a device of the other kind", DEVICE, DEVICE._replace(kind=Kind.BLOCK_DEVICE), ARCHIVE,
             CONTENT),
        case("directories, equal", DIRECTORY, DIRECTORY, ARCHIVE, None),
        case("directories, another time", DIRECTORY, DIRECTORY._replace(mtime_ns=0), PLAIN,
             ATTRIBUTES),
        case("directories, another time that is not kept", DIRECTORY,
             DIRECTORY._replace(mtime_ns=0), opts(directory_times=False), None),
        case("directories, another mode", DIRECTORY, DIRECTORY._replace(mode=0), ARCHIVE,
             ATTRIBUTES),
        case("directories: the size is the file system's own affair", DIRECTORY,
             DIRECTORY._replace(size=4096), ARCHIVE, None),
        case("directories and the flags for files", DIRECTORY, DIRECTORY,
             opts(ignore_times=True, checksum=True, ignore_existing=True), None),
    ],
)  # fmt: skip
def test_the_questions(source, found, options, verdict, otherwise):
    difference = comparer(options)(source, found)
    if verdict is None:
        assert difference is None
        return
    assert difference is not None
    assert difference.verdict is verdict
    assert (difference.otherwise.verdict if difference.otherwise else None) is otherwise
    assert difference.reason


FLAGS = """permissions owners times directory_times size_only checksum ignore_times ignore_size
           ignore_existing update immutable"""
flags = st.fixed_dictionaries(dict.fromkeys(FLAGS.split(), st.booleans()))
entries = st.builds(
    Entry,
    st.sampled_from(Kind),
    st.integers(0, 2),
    st.sampled_from([NOW, NOW + 1, NOW + 2 * SECOND]),
    st.sampled_from([0o600, 0o644]),
    target=st.sampled_from(["x", "y"]),
)


@given(entry=entries, found=entries, flags=flags, window=st.sampled_from([1, SECOND]))
def test_equal_entries_need_nothing_and_every_answer_has_a_reason(entry, found, flags, window):
    compare = comparer(opts(modify_window_ns=window, **flags))
    same = compare(entry, entry)
    if same is not None:
        asked = flags["ignore_existing"] or flags["ignore_times"] or flags["checksum"]
        assert entry.kind is Kind.FILE and asked
    difference = compare(entry, found)
    if difference is not None:
        assert difference.reason
        assert (difference.verdict is UNSURE) or difference.otherwise is None
        assert difference.verdict is not REFUSED or flags["immutable"]
    else:
        assert entry.kind is found.kind
