"""Carry out a plan that is held: exactly that plan, or nothing.

MIRROR is the destination, or a name that `status` shows; PLAN the id of the held plan (`held` shows
what it would do). Both trees are looked at again. If what would be removed or replaced is still the
same, it is done; if not, nothing of it is: a new plan is held, and the difference is told. What is
new in the source is copied meanwhile.

The plan is made again with the flags it was made with; here only those for logs count.
"""

import os
from typing import Any

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.lookup import lookup
from mirrorfs.cli.mirroring import carry_out
from mirrorfs.cli.parse import parse
from mirrorfs.cli.settings import Mirroring, mirroring
from mirrorfs.core.plan import Totals
from mirrorfs.errors import ExitCode, SettingError, StateError
from mirrorfs.hold import HoldFile, Recipe
from mirrorfs.output.escape import printable
from mirrorfs.output.plans import amount
from mirrorfs.service.client import NotRunning, ask
from mirrorfs.state import State


def run(call: Call) -> int:
    word, plan = call.places
    state = State.find(call.flags.state.state_dir)
    directory = lookup(state, word, plan)
    try:
        return _told(call, ask(directory, "approve", within=None, plan=plan))
    except NotRunning:
        pass  # then it is ours to do, and the destination's lock keeps everybody else out
    held = HoldFile(directory).kept(plan)
    if held.recipe is None:
        raise StateError(
            f"how the plan {plan} was made is not known",
            remedy="run the command again that it comes from, without the limit that refused it",
        )
    again, made = _again(call, held.recipe, state)
    return carry_out(again, made, *held.places, plan=plan)


def _told(call: Call, answer: dict[str, Any]) -> int:
    """What came of it in the running mirror."""
    if answer["refused"]:
        message = f"{answer['refused']}; nothing was deleted or replaced ({answer['remedy']})"
        call.log.error(printable(f"Failed to approve: {message}"))
        return ExitCode.FATAL
    call.log.notice(f"done by the running mirror: {amount(Totals(**answer['done']))}")
    if not answer["errors"]:
        return ExitCode.OK
    call.log.error(f"{answer['errors']} paths failed, and are looked at again; see `status`")
    return ExitCode.UNCATEGORISED


def _again(call: Call, recipe: Recipe, state: State) -> tuple[Call, Mirroring]:
    """What the plan was made with; from this call come the log and the state directory."""
    try:
        os.chdir(recipe.directory)
    except OSError as error:
        raise StateError(
            f"the plan was made in {recipe.directory}: {error.strerror}",
            remedy="run the command again that it comes from, for a new plan",
        ) from error
    flags = parse(recipe.command, recipe.words, {}).flags
    texts = {(flag, file): text for flag, file, text in recipe.texts}

    def kept(flag: str, file: str) -> str:
        try:
            return texts[flag, file]
        except KeyError:
            raise SettingError(f"what {flag} {file} held is not known") from None

    made = mirroring(recipe.command, flags, kept, now_ns=recipe.now_ns, draw=recipe.draw)
    made = Mirroring(made.options, made.filter, made.settings, recipe)
    flags = flags._replace(logging=call.flags.logging, state=call.flags.state)
    return Call(call.command, list(call.places), flags, call.log, recipe.words), made
