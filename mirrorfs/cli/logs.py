"""The log that the flags ask for."""

from mirrorfs.cli.flags.logs import Logging
from mirrorfs.errors import SettingError
from mirrorfs.output.log import Format, Level, Log


def open_log(flags: Logging) -> Log:
    """Raises SettingError for flags that contradict each other or a file that cannot be opened."""
    if not flags.log_file:
        return Log(level(flags), _format(flags))
    try:
        return Log.to_file(flags.log_file, level(flags), _format(flags))
    except OSError as error:
        raise SettingError(
            f"Failed to open log file {flags.log_file}: {error.strerror}", remedy="check --log-file"
        ) from error


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
