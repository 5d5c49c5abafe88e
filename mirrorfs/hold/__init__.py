"""A refused plan is held: kept until somebody approves or discards it, or it is out of date.

Law: what is kept says what was seen; nothing is carried out from it. An approval makes the same
plan again from both trees and compares (`mirrorfs.core.approval`).

One plan is kept for a mirror, the last: a later refusal takes the place of an earlier one, which
could not be carried out any more.

    held    what is known of it, how it was made, the command that approves it
    file    how it is stored
    keeper  when it is kept, and when it is out of date
"""

from mirrorfs.hold.file import HoldFile
from mirrorfs.hold.held import Held, Recipe, approve_command, remedy
from mirrorfs.hold.keeper import Keeper

__all__ = ["Held", "HoldFile", "Keeper", "Recipe", "approve_command", "remedy"]
