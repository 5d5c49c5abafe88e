"""What is said about a run, and where."""

from mirrorfs.core.values import LOG_LEVELS

from .kinds import EVERYWHERE, TREES, Group, choice, counter, duration, number, switch, text

COSMETIC = "sizes are always printed with units"
JSON = frozenset(
    {"config", "plan", "status", "doctor", "audit", "held", "journal", "log", "service"}
)
WORKERS = TREES | {"approve"}
MINUTE = 60_000_000_000


class Logging(Group):
    """Log lines, statistics, progress."""

    verbose: int = counter("Say what is done (-v), say everything (-vv)", "-v")
    quiet: bool = switch("Print errors only", "-q")
    log_level: str = choice("Lowest level to be logged", *LOG_LEVELS, default="NOTICE")
    log_file: str = text("Append the log to FILE", value="FILE")
    use_json_log: bool = switch("Log as JSON, one object per line")
    log_systemd: bool = switch("Prefix lines with <level> for the journal, without times")
    progress: bool = switch("Show progress while running", "-P", on=WORKERS)
    stats: int = duration("Print statistics this often (0 is off)", MINUTE, on=WORKERS)
    stats_one_line: bool = switch("Statistics on one line", on=WORKERS)
    stats_one_line_date: bool = switch("The same, with the date in front", on=WORKERS)
    stats_one_line_date_format: str = text(
        "The same, with this format of the date (2006/01/02 15:04:05 - )",
        value="FORMAT",
        on=WORKERS,
    )
    stats_unit: str = text(
        "Unit of rates: bytes or bits", default="bytes", value="UNIT", on=WORKERS
    )
    stats_log_level: str = choice(
        "Level of the statistics", *LOG_LEVELS, default="INFO", on=WORKERS
    )
    stats_file_name_length: int = number("Cut names in statistics to N characters", 45, on=WORKERS)
    color: str = choice(
        "Use colours", "AUTO", "NEVER", "ALWAYS", default="AUTO", ignored="log lines have no colour"
    )
    human_readable: bool = switch("Print sizes with units", ignored=COSMETIC)
    dump: str = text("Print internals: filters", value="WHAT", on=TREES | {"watch", "doctor"})
    json: bool = switch("Print JSON", on=JSON, own=True)
    version: bool = switch("Print the version", "-V", on=EVERYWHERE, own=True)
    help: bool = switch("Print this help", "-h", on=EVERYWHERE)


class Reporting(Group):
    """Lists of what was found; - is standard output."""

    combined: str = text("Write all paths to FILE, each after its sign (= + - * !)", value="FILE")
    match: str = text("Write paths that are equal to FILE", value="FILE")
    differ: str = text("Write paths that differ to FILE", value="FILE")
    missing_on_src: str = text("Write paths the source lacks to FILE", value="FILE")
    missing_on_dst: str = text("Write paths the destination lacks to FILE", value="FILE")
    error: str = text("Write paths with errors to FILE", value="FILE")


class Listing(Group):
    """--dest-after: what the destination holds after the run."""

    dest_after: str = text("List the destination after the run in FILE", value="FILE")
    format: str = text(
        "Columns: p path, s size, t time, h hash", "-F", default="p", value="LETTERS"
    )
    separator: str = text("Between columns", "-s", default=";")
    csv: bool = switch("Write CSV")
    absolute: bool = switch("Put a / in front of paths")
    files_only: bool = switch("List files only", default=True)
    dirs_only: bool = switch("List directories only")
    dir_slash: bool = switch("Put a / behind directories", "-d", default=True)
    timeformat: str = text("Format of times (2006-01-02 15:04:05)", "-t", value="FORMAT")
    hash: str = text("Hash for column h", default="md5", value="NAME")


class Checking(Group):
    """check only."""

    one_way: bool = switch("Do not look for files the source lacks")
    download: bool = switch(
        "Compare byte by byte", ignored="content is always compared byte by byte"
    )


class Deduplicating(Group):
    """dedupe only."""

    dedupe_mode: str = text("What to do with duplicates", default="interactive", value="MODE")
    by_hash: bool = switch("Find duplicates by content")
