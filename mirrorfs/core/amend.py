"""Bring a plan up to date for a part of the trees, without planning the rest again.

Law: amended or made anew, a plan leads to the same tree. Where that is not certain there is no
answer, and everything is planned again: renames move whole subtrees, and links tie together names
that lie far apart.
"""

from mirrorfs.core.plan import Action, Plan, Stage, Verb, in_stages
from mirrorfs.core.reconcile import CONTENT_CHANGES
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import split


def amend(plan: Plan, scope: Scope, part: Plan) -> Plan | None:
    """``plan`` with what lies within ``scope`` replaced by ``part``, the plan for that scope alone;
    ``None`` where the two cannot be told apart."""
    if any(map(_entangled, plan.actions)) or any(map(_entangled, part.actions)):
        return None
    kept = [action for action in plan.actions if not scope.covers(action.path)]
    kept += _restored(plan, part, kept)
    ordered = in_stages([*kept, *part.actions])
    return Plan(
        tuple(action for _, actions in ordered for action in actions),
        (*(failure for failure in plan.failures if not scope.covers(failure.path)), *part.failures),
        (*(notice for notice in plan.notices if not scope.covers(notice.path)), *part.notices),
        max(plan.source_entries, part.source_entries),
        max(plan.destination_entries, part.destination_entries),
    )


def _restored(plan: Plan, part: Plan, kept: list[Action]) -> list[Action]:
    """The times to set again of directories in which something is still to happen. The part found
    them equal on both sides, or it would have an action of its own."""
    decided = {action.path for action in part.actions} | {action.path for action in kept}
    touched = {split(action.path)[0] for action in kept if action.path}
    restored = []
    for action in plan.actions:
        found = action.expect
        if action.stage is not Stage.DIRECTORY_ATTRIBUTES or action.path in decided:
            continue
        if found is not None and action.path in touched:
            restored.append(action._replace(want=found, reason=CONTENT_CHANGES))
    return restored


def _entangled(action: Action) -> bool:
    return action.verb is Verb.RENAME or action.stage is Stage.LINKS
