"""The same pair of directories as for the whole mirror."""

from live.conftest import places, plain_environment

__all__ = ["places", "plain_environment"]
