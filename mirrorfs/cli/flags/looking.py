"""What is shown of mirrors, while they run and afterwards."""

from mirrorfs.core.values import Age

from .kinds import Group, age, amount, duration, size, switch, text

STATUS = frozenset({"status"})
LOG = frozenset({"log"})
KEPT = frozenset({"run", "sync", "copy"})


class Looking(Group):
    """Status, history."""

    watch: bool = switch("Keep showing it, on the whole screen", "-w", own=True, on=STATUS)
    max_lag: int = duration(
        "Not well is who is behind for longer than DURATION, or waits for longer (0 is off)",
        own=True,
        on=STATUS,
    )
    prometheus: bool = switch("Print Prometheus' text format", own=True, on=STATUS)
    prometheus_file: str = text(
        "Keep FILE in Prometheus' text format, for node_exporter's textfile collector",
        value="FILE",
        own=True,
        on=frozenset({"run"}),
    )

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
