"""--wait of `sync`: where a run keeps this mirror, nothing is left to do but to wait for it.

Law: with 0 it ends only when everything that changed before it began is on the destination,
whoever brought it there. Flags that say what is mirrored must say what the run was told, too.
"""

import os
import time

from mirrorfs.cli.flags import ALL
from mirrorfs.cli.flags.kinds import FOR_EVER
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.settings import NANOSECONDS, Mirroring
from mirrorfs.drives import located
from mirrorfs.errors import DirectoryMissing, DriveAway, ExitCode, Locked
from mirrorfs.mirror.preflight import LOOK_SECONDS, lock_destination
from mirrorfs.output.escape import printable
from mirrorfs.service.client import NotRunning, ask
from mirrorfs.state import State

SAY_WHAT = frozenset({"Copying", "Deleting", "Filter", "Links and special files"})
SECONDS_MORE = 30.0  # for an answer that says that time is up


def waited(call: Call, made: Mirroring, source: str, destination: str) -> int | None:
    """The exit code a running mirror's answer comes to; ``None`` when none runs, and the
    destination is free or no time is left. Raises MirrorError."""
    place = State.find(call.flags.state.state_dir).mirror(source, destination)
    patience = call.flags.state.wait
    until = time.monotonic() + patience / NANOSECONDS
    details = {}
    if any(ALL[name].group in SAY_WHAT for name in call.flags.given if name in ALL):
        details["fingerprint"] = made.options.fingerprint() + "-" + made.filter.fingerprint()
    told = False
    while True:
        left = max(0.0, until - time.monotonic())
        try:
            answer = ask(
                place,
                "wait",
                within=None if patience == FOR_EVER else left + SECONDS_MORE,
                seconds=None if patience == FOR_EVER else left,
                **details,
            )
        except NotRunning:
            if not left or _is_free(destination):
                return None
            if not told:
                call.log.notice("another mirrorfs is writing here, and is waited for", destination)
                told = True
            # Another sync is at it, or a run that is just starting; a lock and a socket have no
            # event in common.
            time.sleep(LOOK_SECONDS)
            continue
        return _said(call, answer)


def _said(call: Call, answer: dict[str, object]) -> int:
    if answer["complete"]:
        call.log.info("the mirror that runs has brought everything there")
        return ExitCode.OK
    owed = answer["owed"]
    for path, reason in owed.items() if isinstance(owed, dict) else ():
        call.log.error(printable(str(reason)), path)
    why = printable(str(answer["why"]))
    if remedy := answer.get("remedy"):
        why += f" ({printable(str(remedy))})"
    call.log.error(f"Failed to sync: not everything is there: {why}")
    if answer.get("held"):
        return ExitCode.FATAL
    return ExitCode.UNCATEGORISED if owed else ExitCode.TEMPORARY


def _is_free(destination: str) -> bool:
    try:
        os.close(lock_destination(located(destination)))
    except Locked:
        return False
    except (DirectoryMissing, DriveAway):
        return True
    return True
