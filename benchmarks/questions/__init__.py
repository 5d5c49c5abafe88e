"""One file for each question: its title, its bars, and how it is asked.

Law: a question is asked the same way at every scale, leaves nothing running, and judges nothing:
figures know their bars.
"""

from collections.abc import Callable
from importlib import import_module

from benchmarks.answer import Answer
from benchmarks.places import Place
from benchmarks.scale import Scale

NAMES = {
    1: "first_sync",
    2: "no_change",
    3: "one_change",
    4: "storm",
    5: "renamed",
    6: "large_file",
    7: "idle",
    8: "parts",
    9: "growth",
}

Ask = Callable[[Scale, dict[str, Place]], Answer]


def question(number: int) -> Ask:
    """Raises KeyError for a number that no question has."""
    ask: Ask = import_module(f"benchmarks.questions.{NAMES[number]}").ask
    return ask
