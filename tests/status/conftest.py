"""A pair of directories with a state directory of its own; commands called in this process."""

from cli.conftest import call
from live.conftest import places, plain_environment

__all__ = ["call", "places", "plain_environment"]
