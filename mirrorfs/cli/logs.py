"""The log that the flags ask for."""

from typing import TYPE_CHECKING

from mirrorfs.cli.flags.logs import Logging
from mirrorfs.errors import SettingError
from mirrorfs.output.log import Format, Level, Log, to_stderr, to_stream

if TYPE_CHECKING:
    from collections.abc import Callable


def open_log(flags: Logging) -> Log:
    """Raises SettingError for flags that contradict each other or a file that cannot be opened."""
    write: Callable[[str], None] = to_stderr
    if flags.log_file:
        try:
            stream = open(  # noqa: SIM115  (stays open for the life of the process)
                flags.log_file, "a", encoding="utf-8", errors="backslashreplace"
            )
        except OSError as error:
            raise SettingError(
                f"Failed to open log file {flags.log_file}: {error.strerror}",
                remedy="check --log-file",
            ) from error
        write = to_stream(stream)
    return Log(level(flags), _format(flags), write)


def level(flags: Logging) -> Level:
    """The lowest level that is logged. Raises SettingError."""
    if flags.verbose and flags.quiet:
        raise SettingError("Can't set -v and -q", remedy="leave one out")
    chosen = Level[flags.log_level]
    if not (flags.verbose or flags.quiet):
        return chosen
    if chosen is not Level.NOTICE:
        flag = "-q" if flags.quiet else "-v"
        raise SettingError(f"Can't set {flag} and --log-level", remedy="leave one out")
    if flags.quiet:
        return Level.ERROR
    return Level.INFO if flags.verbose == 1 else Level.DEBUG


def _format(flags: Logging) -> Format:
    if flags.use_json_log:
        from mirrorfs.output import jsonlog

        return jsonlog.line
    if flags.log_systemd:
        from mirrorfs.output import systemd

        return systemd.line
    from mirrorfs.output import text

    return text.line
