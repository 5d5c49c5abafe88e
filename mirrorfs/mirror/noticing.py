"""How changes are noticed, as far as the user has a say.

Nothing heavy is imported here: the command line reads its flags into this.
"""

from typing import NamedTuple


class Noticing(NamedTuple):
    """``backend`` is one of `mirrorfs.watch.BACKENDS`, ``poll`` the seconds between two looks where
    changes are not noticed by themselves."""

    backend: str = "auto"
    poll: float = 30.0


BY_ITSELF = Noticing()
