"""Give up a plan that is held: it can no longer be approved.

MIRROR is the destination, or a name that `status` shows; PLAN the id of the held plan. Nothing is
carried out. A running mirror goes on waiting, without that plan, until the source recovers or
something else is to be done; then there is a new one. `mirrorfs sync` makes it again.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.lookup import lookup
from mirrorfs.errors import ExitCode, StateError
from mirrorfs.hold import HoldFile
from mirrorfs.service.client import NotRunning, ask
from mirrorfs.state import State


def run(call: Call) -> int:
    word, plan = call.places
    directory = lookup(State.find(call.flags.state.state_dir), word, plan)
    try:
        ask(directory, "discard", plan=plan)
        return ExitCode.OK
    except NotRunning:
        hold = HoldFile(directory)
    try:
        hold.discard(plan)
    except StateError as error:
        call.log.notice(f"what was kept is removed: {error}")
        hold.remove()
    return ExitCode.OK
