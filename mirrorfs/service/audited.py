"""What the last audit of a mirror found, in a file beside its checkpoint.

Law: the file is for looking at, and for when the next audit is due; losing it costs one audit.
"""

import json
import os
from contextlib import suppress

from mirrorfs.core.record import asdict, field, record

NAME = "audit.json"


@record
class Audit:
    """``at_ns`` is when it ended, ``entries`` how many of the source it looked at. ``defects`` and
    ``drift`` are the first paths, with what differs; ``defect_count`` and ``drift_count`` say how
    many there are. ``unsure``: why what differs could not be judged ("": it was)."""

    at_ns: int = 0
    entries: int = 0
    defects: dict[str, str] = field(default_factory=dict)
    defect_count: int = 0
    drift: dict[str, str] = field(default_factory=dict)
    drift_count: int = 0
    unsure: str = ""

    @classmethod
    def load(cls, directory: str) -> "Audit":
        """The last one of the mirror whose state is in a directory."""
        try:
            with open(os.path.join(directory, NAME), encoding="utf-8") as file:
                return cls(**json.load(file))
        except (OSError, ValueError, TypeError, RecursionError):
            return cls()

    def store(self, directory: str) -> None:
        path = os.path.join(directory, NAME)
        with suppress(OSError):
            with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
                json.dump(asdict(self), file)
            os.rename(f"{path}.new", path)
