"""A tree in memory: the same contract, a deterministic clock, and misfortunes on request.

It promises what every tree promises (the conformance suite runs on it), so what works on it works
because of the contract. It keeps no state outside the process and is made in microseconds.
"""

from mirrorfs.trees.memory.tree import MemoryTree

__all__ = ["MemoryTree"]
