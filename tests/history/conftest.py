"""Commands called in this process, as for the command line."""

from cli.conftest import call

__all__ = ["call"]
