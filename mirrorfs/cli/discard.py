"""Give up a plan that is held: it can no longer be approved.

MIRROR is the destination, or a name that `status` shows; PLAN the id of the held plan. Nothing is
carried out. A running mirror goes on waiting, without that plan, until the source recovers or
something else is to be done; then there is a new one. `mirrorfs sync` makes it again.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.errors import ExitCode, StateError, UsageError
from mirrorfs.hold import HoldFile
from mirrorfs.lookup import lookup
from mirrorfs.state import State


def run(call: Call) -> int:
    word, plan = call.places
    hold = HoldFile(lookup(State.find(call.flags.state.state_dir), word, plan))
    try:
        held = hold.load()
    except StateError as error:
        hold.remove()
        call.log.notice(f"removed: {error}")
        return ExitCode.OK
    if held is None or held.id != plan or held.discarded:
        raise UsageError(f"no plan {plan} is held for {word}", remedy="see `mirrorfs status`")
    hold.discard(held)
    return ExitCode.OK
