"""What samples amount to: a middle with its spread, and what may be said of it.

Law: pure. Nothing is said that the samples do not show: a ratio whose spread is wider than its
distance from 1 is not printed, and a bar that lies within the spread is neither met nor missed.

The spread is the middle half of the samples (quartiles), so that one run beside somebody else's
storm does not decide. A ratio's spread is that of the paired runs; spread and distance are measured
as logarithms, so that a : b and b : a are judged alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median, quantiles

FEWEST = 3  # of fewer samples nothing is known of the spread


class Verdict(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    NOT_SHOWN = "not shown (spread)"
    NONE = ""  # there is no bar


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of ``count`` samples, and between what the middle half of them lies."""

    low: float
    middle: float
    high: float
    count: int

    @property
    def known(self) -> bool:
        return self.count >= FEWEST


def spread(samples: Sequence[float]) -> Spread:
    """Raises ValueError when there are none."""
    if not samples:
        raise ValueError("no samples")
    low, high = _quartiles(samples)
    return Spread(low, median(samples), high, len(samples))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The ratio of the medians, with the spread of the pairs; the runs are given in the order in
    which they were paired. Raises ValueError when they are not pairs, or not positive."""
    pairs = list(zip(ours, theirs, strict=True))
    if not pairs or min(min(pair) for pair in pairs) <= 0:
        raise ValueError("a ratio needs pairs of positive figures")
    middle = median(ours) / median(theirs)
    low, high = _quartiles([one / other for one, other in pairs])
    return Spread(min(low, middle), middle, max(high, middle), len(pairs))


def told(of: Spread) -> bool:
    """Whether a ratio may be printed: it is told apart from 1, and its spread is known."""
    return of.known and math.log(of.high / of.low) < abs(math.log(of.middle))


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that ``share`` (0..1) of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def judge(of: Spread, bar: float | None, *, at_least: bool = False) -> Verdict:
    """Whether a figure keeps its bar (at most it, unless ``at_least``), spread and all."""
    if bar is None:
        return Verdict.NONE
    if not of.known:
        return Verdict.NOT_SHOWN
    low, high = (-of.high, -of.low) if at_least else (of.low, of.high)
    bar = -bar if at_least else bar
    if high <= bar:
        return Verdict.MET
    return Verdict.NOT_MET if low > bar else Verdict.NOT_SHOWN


def _quartiles(samples: Sequence[float]) -> tuple[float, float]:
    if len(samples) < 2:
        return samples[0], samples[0]
    low, _, high = quantiles(samples, n=4, method="inclusive")
    return low, high
