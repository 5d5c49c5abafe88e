"""What is shown of mirrors, while they run and afterwards."""

from mirrorfs.core.values import Age

from .kinds import Group, age, amount, size, switch

LOG = frozenset({"log"})
KEPT = frozenset({"run", "sync", "copy"})


class Looking(Group):
    """History."""

    since: Age | None = age("Begin there: so long ago, or a date", own=True, on=LOG)
    until: Age | None = age("End there: so long ago, or a date", own=True, on=LOG)
    lines: int = amount(
        "Show the newest N (unless given, all of --since and --until)",
        50,
        short="-n",
        own=True,
        on=LOG,
    )
    follow: bool = switch("Go on with what comes", "-f", own=True, on=LOG)
    history_size: int = size(
        "Keep SIZE bytes of history, at least 1M; off keeps none", 16 << 20, own=True, on=KEPT
    )
