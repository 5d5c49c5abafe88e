"""The mirrors that a command without a place is about: all of them."""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.lookup import lookup
from mirrorfs.errors import UsageError
from mirrorfs.state import State
from mirrorfs.status.status import load


def meant(call: Call) -> list[str]:
    """The state directories of the mirror that was named, or of all that ever ran or run. Raises
    UsageError, StateError."""
    state = State.find(call.flags.state.state_dir)
    if call.places:
        return [lookup(state, call.places[0])]
    if found := [directory for directory in state.mirrors() if load(directory) is not None]:
        return found
    raise UsageError(
        "there are no mirrors", remedy="`mirrorfs run SRC DST` starts one; or give its --state-dir"
    )
