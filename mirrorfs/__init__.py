"""A one-way continuous mirror for Linux."""

__version__ = "0.1.0"
