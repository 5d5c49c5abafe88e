"""Say whether the filter lets PATH through, and which rule decided.

PATH is relative to the source; a / at its end means a directory. Takes the filter flags of sync.
Limits on size and age are left out: nothing is read. Exits with 0 when PATH is included, else 1.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.voice import print_out
from mirrorfs.core.tree import is_safe
from mirrorfs.errors import UsageError
from mirrorfs.output.escape import printable


def run(call: Call) -> int:
    given = call.places[0]
    path = given.strip("/")
    if not is_safe(path):
        raise UsageError(f"{given!r} is no path below a source", remedy="leave out . and ..")
    decision = read_settings(call).filter.decide(path, is_directory=given.endswith("/"))
    verdict = "included" if decision.included else "excluded"
    rule = f": {printable(decision.rule)}" if decision.rule else ""
    origin = f" ({printable(decision.origin)})" if decision.origin else ""
    print_out(f"{verdict}: {printable(decision.reason)}{rule}{origin}\n")
    return 0 if decision.included else 1
