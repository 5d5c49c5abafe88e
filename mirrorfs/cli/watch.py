"""Record what changes in SRC in its journal, until stopped (Ctrl-C, SIGTERM).

One watcher serves any number of destinations: each `mirrorfs sync SRC DST` then replays what
changed since it ran last, instead of comparing everything.
"""

import os
import signal
import threading
from contextlib import suppress

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
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    keeper = FdStore.find(os.path.basename(state.source(source)))
    with Recorder(
        source,
        state=state,
        extents=[Extent(made.filter, made.options.one_file_system)],
        noticing=noticing(call.flags),
        keeper=keeper,
        patient=parse(source) is not None,
    ) as recorder:
        while not recorder.watcher.ready.wait(0.1) and not stop.is_set():
            pass
        notify("READY=1")
        watched = recorder.watcher.status()
        call.log.notice(
            f"watching {printable(source)}; the journal is {printable(state.journal(source))}"
        )
        for line in shown(covered(watched, limits())):
            call.log.notice(printable(line))
        while not stop.wait(RETAIN_SECONDS):
            recorder.retain()
    return ExitCode.OK
