"""What a question found: figures, each with its bar, and what could not be asked.

Law: plain data. A figure knows by itself whether it may be printed and whether its bar is kept; the
tables, the JSON and the charts only show it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.figures import Spread, Verdict, judge, ratio, spread, told

RATIO = "×"


@dataclass(frozen=True, slots=True)
class Figure:
    """``who`` did ``what`` at ``place``; of a ratio ``who`` is "one : other". ``bar``: at most so
    much, or ``at_least``."""

    who: str
    what: str
    place: str
    unit: str
    spread: Spread
    bar: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> Verdict:
        return judge(self.spread, self.bar, at_least=self.at_least)

    @property
    def shown(self) -> bool:
        """Whether the middle may be printed: a ratio must be told apart from 1."""
        return self.unit != RATIO or told(self.spread)


@dataclass(slots=True)
class Answer:
    """``number``, ``title``: of the question; ``scale``: of what size, in words."""

    number: int
    title: str
    scale: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        who: str,
        what: str,
        place: str,
        unit: str,
        samples: Sequence[float],
        bar: float | None = None,
        *,
        at_least: bool = False,
    ) -> None:
        self.figures.append(Figure(who, what, place, unit, spread(samples), bar, at_least))

    def compare(
        self,
        who: tuple[str, str],
        what: str,
        place: str,
        samples: tuple[Sequence[float], Sequence[float]],
        bar: float | None = None,
    ) -> None:
        """The ratio of two contenders' paired samples."""
        names = f"{who[0]} : {who[1]}"
        try:
            found = ratio(*samples)
        except ValueError:
            self.notes.append(f"{names}, {what}, {place}: too short to be measured")
            return
        self.figures.append(Figure(names, what, place, RATIO, found, bar))

    def plain(self) -> dict[str, Any]:
        """For JSON: with what each figure says of itself."""
        rows = [
            asdict(figure) | {"verdict": str(figure.verdict), "shown": figure.shown}
            for figure in self.figures
        ]
        return asdict(self) | {"figures": rows}


def load(plain: dict[str, Any]) -> Answer:
    """What `plain` gave."""
    rows = []
    for row in plain["figures"]:
        kept = {name: value for name, value in row.items() if name not in ("verdict", "shown")}
        rows.append(Figure(**kept | {"spread": Spread(**row["spread"])}))
    return Answer(plain["number"], plain["title"], plain["scale"], rows, list(plain["notes"]))
