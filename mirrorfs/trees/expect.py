"""Whether a destination still holds what a plan saw, or already holds what it wants.

Law: every tree verifies with these functions, so drift means the same everywhere. Pure.
"""

from mirrorfs.core.plan import Action, Outcome, Status
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble


def same_object(found: Entry, expect: Entry) -> bool:
    """The same thing as the plan saw, whatever became of its content and attributes."""
    return found.kind is expect.kind and expect.inode in (0, found.inode)


def same_version(found: Entry, expect: Entry) -> bool:
    """The same thing with the same content, as far as size, time and target tell."""
    if not same_object(found, expect):
        return False
    match expect.kind:
        case Kind.FILE:
            return found.size == expect.size and found.mtime_ns == expect.mtime_ns
        case Kind.SYMLINK:
            return expect.target in ("", found.target)
        case _:
            return True


def may_go(found: Entry, expect: Entry) -> bool:
    """The version the plan saw; or a file with several names that got another time since, as when
    that is set under another of its names. Nothing is lost then: the content stays there."""
    if same_version(found, expect):
        return True
    several = expect.kind is Kind.FILE and expect.links > 1 and bool(expect.inode)
    return several and same_object(found, expect) and found.size == expect.size


def untouched(found: Entry, expect: Entry) -> bool:
    """Nothing at all happened to it since the plan looked, as far as ``expect`` can tell.

    The change time of a file with several links is left out: replacing one name moves it for all.
    """
    return same_version(found, expect) and (
        expect.ctime_ns in (0, found.ctime_ns) or expect.kind is Kind.DIRECTORY or expect.links > 1
    )


def reached(found: Entry, want: Entry) -> bool:
    """What a transfer would make is there already."""
    if found.kind is not want.kind:
        return False
    match want.kind:
        case Kind.FILE:
            return found.size == want.size and found.mtime_ns == want.mtime_ns
        case Kind.SYMLINK:
            return found.target == want.target
        case _:
            return found.rdev == want.rdev


def same_to_set(found: Entry, want: Entry, saw: Entry | None) -> bool:
    """Whether its attributes may be set: the content is the one the plan saw, or wants already.

    Only a directory may be another one than the plan saw: a file may have another name, outside.
    """
    if found.kind is not want.kind:
        return False
    if found.kind is not Kind.DIRECTORY and (saw is None or not same_object(found, saw)):
        return False
    return saw is None or same_version(found, saw) or reached(found, want)


_DONE = Status.DONE


def done(action: Action, moved: int = 0) -> Outcome:
    return Outcome(action, _DONE, None, moved)


def drift(action: Action, message: str) -> Outcome:
    return Outcome(action, Status.DRIFT, Failure(action.path, Trouble.DRIFT, message))


def failed(action: Action, failure: Failure) -> Outcome:
    return Outcome(action, Status.FAILED, failure)


def source_failed(action: Action, failure: Failure) -> Outcome:
    """The source could not be read; that a file went away meanwhile is no error."""
    status = Status.SKIPPED if failure.trouble is Trouble.ABSENT else Status.FAILED
    return Outcome(action, status, failure)
