"""What the rooms below say by `logging`, as lines of the log: in its format, where it goes.

Law: one handler for a process, of the log that was opened last.
"""

import logging

from mirrorfs.output.escape import printable
from mirrorfs.output.log import Level, Log

_LEVELS = (
    (logging.ERROR, Level.ERROR),
    (logging.WARNING, Level.WARNING),
    (logging.INFO, Level.INFO),
)


def bridge(log: Log) -> None:
    """From now on."""
    logger = logging.getLogger("mirrorfs")
    for handler in [one for one in logger.handlers if isinstance(one, _Bridge)]:
        logger.removeHandler(handler)
    logger.addHandler(_Bridge(log))


class _Bridge(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._traceback = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        level = next((ours for theirs, ours in _LEVELS if record.levelno >= theirs), Level.DEBUG)
        message = printable(record.getMessage())
        if record.exc_info:
            trace = self._traceback.formatException(record.exc_info)
            message += "".join(f"\n{printable(line)}" for line in trace.splitlines())
        self._log.log(level, message)
