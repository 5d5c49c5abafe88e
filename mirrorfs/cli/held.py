"""Show the plan that is held for MIRROR: why, what it amounts to, and what it would do.

MIRROR is the destination, or a name that `status` shows. What would be removed, replaced or
renamed is listed; --json lists every action. Nothing is changed.
"""

import time
from collections.abc import Iterator

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.lookup import lookup
from mirrorfs.cli.voice import print_out
from mirrorfs.core import carry
from mirrorfs.core.plan import Verb
from mirrorfs.errors import ExitCode
from mirrorfs.hold import Held, HoldFile, approve_command
from mirrorfs.output.escape import printable
from mirrorfs.output.plans import action_line, action_record, amount
from mirrorfs.state import State

TAKES_AWAY = (Verb.DELETE, Verb.UPDATE, Verb.RENAME)


def run(call: Call) -> int:
    state = State.find(call.flags.state.state_dir)
    hold = HoldFile(lookup(state, call.places[0]))
    held = hold.load()
    if held is None:
        print_out("null\n" if call.flags.logging.json else "no plan is held\n")
        return ExitCode.OK
    show = _as_json if call.flags.logging.json else _as_text
    for piece in show(held, hold, approve_command(held.places[1], held.id, state.home)):
        print_out(piece)
    return ExitCode.OK


def _as_text(held: Held, hold: HoldFile, command: str) -> Iterator[str]:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(held.at_ns / 1e9))
    yield f"plan {held.id}, held since {moment}: {printable(held.message)}\n"
    yield f"{printable(held.places[0])} → {printable(held.places[1])}\n"
    if held.discarded:
        yield "discarded\n"
        return
    for action in hold.actions():
        if action.verb in TAKES_AWAY:
            yield action_line(action)
    yield amount(held.totals) + "\n"
    yield f"to carry it out: {printable(command)}\n"


def _as_json(held: Held, hold: HoldFile, command: str) -> Iterator[str]:
    """One object; an action has a line of its own."""
    record = held.record() | {"places": held.places, "why": held.why, "approve": command}
    yield carry.dumps(record)[:-1] + ',\n"actions": ['
    between = "\n"
    for action in hold.actions():
        yield between + carry.dumps(action_record(action))
        between = ",\n"
    yield "]}\n"
