"""What an error leaves of a plan: no removal, and nothing where one was to make room.

Law: `apply` does the same action by action, as the errors come; here they are known beforehand.
"""

from collections.abc import Sequence

from mirrorfs.core.plan import Action, Stage
from mirrorfs.core.tree import parts


def withhold(actions: Sequence[Action]) -> tuple[list[Action], list[Action]]:
    """The actions that are done in spite of an error, and those that are withheld."""
    stays = {action.path for action in actions if action.stage in (Stage.ROOM, Stage.DELETE)}
    done: list[Action] = []
    withheld: list[Action] = []
    for action in actions:
        names = parts(action.path)
        above = ("/".join(names[:end]) for end in range(1, len(names) + 1))
        (done if stays.isdisjoint(above) else withheld).append(action)
    return done, withheld
