"""How far somebody has read."""

from typing import NamedTuple


class Position(NamedTuple):
    """Everything up to and including `sequence` has been seen.

    `epoch` is 32 hex digits; `sequence` increases strictly over the whole journal, across epochs.
    """

    epoch: str
    sequence: int
