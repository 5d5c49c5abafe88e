"""Why something will happen to a name, as extended attributes.

Law: pure; everything is text, so that `getfattr -d` is enough to read it.
"""

from mirrorfs.core.filter import Filter
from mirrorfs.core.plan import Action
from mirrorfs.core.tree import Entry, Kind
from mirrorfs.view.picture import Picture
from mirrorfs.view.places import Area, Place

NAMESPACE = b"user.mirrorfs."


def why(picture: Picture, place: Place, filter: Filter) -> dict[bytes, bytes]:
    """The attributes of a place; in ``after`` what stays as it is says so."""
    actions = picture.reasons(place)
    if not actions:
        return {NAMESPACE + b"action": b"none"} if place.area is Area.AFTER else {}
    found = {
        "action": ", ".join(dict.fromkeys(action.verb.value for action in actions)),
        "reason": "; ".join(dict.fromkeys(action.reason for action in actions)),
    }
    for action in actions:
        found |= _details(action)
    if picture.refusal is not None:
        found["held"] = picture.refusal.message
    decision = filter.decide(
        place.path, is_directory=bool(actions[-1].want and actions[-1].want.is_directory)
    )
    if decision.rule:
        found["rule"] = decision.rule
    return {
        NAMESPACE + name.encode(): value.encode("utf-8", "surrogateescape")
        for name, value in found.items()
    }


def _details(action: Action) -> dict[str, str]:
    details = {}
    if action.origin:
        details["origin"] = action.origin
    for when, entry in (("before", action.expect), ("after", action.want)):
        if entry is not None:
            details |= {f"{name}_{when}": value for name, value in _figures(entry).items()}
    return details


def _figures(entry: Entry) -> dict[str, str]:
    figures = {"mode": f"{entry.mode:04o}", "mtime_ns": str(entry.mtime_ns)}
    if entry.kind is Kind.FILE:
        figures["size"] = str(entry.size)
    if entry.target:
        figures["target"] = entry.target
    return figures
