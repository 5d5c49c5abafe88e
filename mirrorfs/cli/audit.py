"""Have the mirror that runs compare everything, and name what its watching missed.

The comparison reads names, sizes, times and attributes at the lowest priority while mirroring goes
on. What changed and was not told of (a store through mmap, a write through a hard link outside SRC)
is a coverage defect; what others changed on DST is drift. Both are listed, then brought up to date.
Ends with 0 when nothing differs, with 1 when something does. `run` does this by itself, see
--audit-interval there.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out
from mirrorfs.core import carry
from mirrorfs.errors import ExitCode
from mirrorfs.output.escape import printable
from mirrorfs.service.client import ask
from mirrorfs.state import State


def run(call: Call) -> int:
    place = State.find(call.flags.state.state_dir).mirror(*call.places)
    found = ask(place, "audit", within=None)
    if call.flags.logging.json:
        print_out(carry.dumps(found) + "\n")
    else:
        for kind in ("defect", "drift"):
            listed = found["drift" if kind == "drift" else "defects"]
            for path, what in listed.items():
                print_out(f"{kind:<7} {printable(path) or '.'}  ({printable(what)})\n")
            if more := found[f"{kind}_count"] - len(listed):
                print_out(f"{kind:<7} and {more} more\n")
        if found["unsure"]:
            print_out(f"what differs could not be judged: {printable(found['unsure'])}\n")
        print_out(
            f"{found['entries']:,} entries, {found['defect_count']:,} coverage defects, "
            f"{found['drift_count']:,} changed on the destination\n"
        )
    differs = found["defect_count"] or found["drift_count"] or found["unsure"]
    return ExitCode.UNCATEGORISED if differs else ExitCode.OK
