"""Mirrors as services of systemd."""

from .kinds import Group, switch

SERVICES = frozenset({"service"})


class Serving(Group):
    """Whose service it is."""

    user: bool = switch("A service of yours, not of the system", own=True)
    linger: bool = switch(
        "With --user: let your services run from boot on, also while you are logged out", own=True
    )
