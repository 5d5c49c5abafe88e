"""Show what `sync SRC DST` would do and why, without doing it; --json for programs.

Takes the flags of sync. Exits with 0 also when there is something to do.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.voice import print_out
from mirrorfs.errors import ExitCode
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.output.plans import as_json, as_text
from mirrorfs.state import State


def run(call: Call) -> int:
    source, destination = call.places
    made = read_settings(call)
    with Mirror(
        source,
        destination,
        options=made.options,
        filter=made.filter,
        settings=made.settings,
        state=State.find(call.flags.state.state_dir),
        full=call.flags.copying.full,
        adopt=call.flags.deleting.adopt,
        dry=True,
    ) as mirror:
        reading = mirror.reading()
        plan = mirror.plan(reading)
        refusal = mirror.weigh(plan, whole=reading.scope.is_everything)
    show = as_json if call.flags.logging.json else as_text
    for piece in show(reading.why, plan, refusal):
        print_out(piece)
    return ExitCode.UNCATEGORISED if plan.failures else 0
