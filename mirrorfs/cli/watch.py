"""Record what changes in SRC in its journal, until stopped (Ctrl-C, SIGTERM).

One watcher serves any number of destinations: each `mirrorfs sync SRC DST` then replays what
changed since it ran last, instead of comparing everything.
"""

import os
import signal
from contextlib import suppress
from functools import partial

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.settings import noticing
from mirrorfs.drives import located, parse, rouse
from mirrorfs.errors import DriveAway, ExitCode
from mirrorfs.mirror.leftout import Extent
from mirrorfs.mirror.preflight import refuse_state, require_source
from mirrorfs.output.escape import printable
from mirrorfs.state import State
from mirrorfs.status.coverage import covered, limits, shown

RETAIN_SECONDS = 60.0
ENDS = (signal.SIGINT, signal.SIGTERM)


def run(call: Call) -> int:
    from mirrorfs.mirror.record import Recorder
    from mirrorfs.service.fdstore import FdStore
    from mirrorfs.service.notify import notify

    (source,) = call.places
    made = read_settings(call)
    rouse(source)
    if parse(source) is None:
        require_source(source)
    state = State.find(call.flags.state.state_dir)
    with suppress(DriveAway):
        refuse_state(state.home, "source", located(source), made.filter)
    # RACE: a handler could only tell of them by way of a lock, that may be held where it
    # interrupts. So there is none: every thread begins deaf, and what came waits to be asked for.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    ended = None
    keeper = FdStore.find(os.path.basename(state.source(source)))
    with Recorder(
        source,
        state=state,
        extents=[Extent(made.filter, made.options.one_file_system)],
        noticing=noticing(call.flags),
        keeper=keeper,
        patient=parse(source) is not None,
        removed=partial(os.kill, os.getpid(), signal.SIGTERM),
    ) as recorder:
        while ended is None and not recorder.watcher.ready.wait(0.1):
            ended = signal.sigtimedwait(ENDS, 0)
        notify("READY=1")
        watched = recorder.watcher.status()
        call.log.notice(
            f"watching {printable(source)}; the journal is {printable(state.journal(source))}"
        )
        for line in shown(covered(watched, limits())):
            call.log.notice(printable(line))
        while ended is None:
            if (ended := signal.sigtimedwait(ENDS, RETAIN_SECONDS)) is None:
                recorder.retain()
        recorder.check()
    return ExitCode.OK
