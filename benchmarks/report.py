"""Answers as text: one table for each question.

Law: a figure that may not be printed is not printed; the column says why.
"""

from collections.abc import Iterable

from benchmarks.answer import RATIO, Answer, Figure

TELLS = {"s": 3, "ms": 1, "MB": 0, RATIO: 2, "calls": 1}


def table(answer: Answer) -> str:
    rows = [("", "", "", "figure", "spread", "bar", "")]
    rows += [_row(figure) for figure in answer.figures]
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    lines = [f"{answer.number}. {answer.title} ({answer.scale})", ""]
    for row in rows:
        left = "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:3], widths, strict=False))
        right = "  ".join(
            f"{cell:>{width}}" for cell, width in zip(row[3:6], widths[3:6], strict=True)
        )
        lines.append(f"{left}  {right}  {row[6]}".rstrip())
    lines += [f"  note: {note}" for note in dict.fromkeys(answer.notes)]
    return "\n".join(lines)


def bars(answers: Iterable[Answer]) -> str:
    """Only what has a bar, of all questions, as a table in Markdown."""
    lines = ["| | | figure | bar | |", "|---|---|---|---|---|"]
    for answer in answers:
        for figure in answer.figures:
            if figure.bar is not None:
                what, who, place, middle, _, bar, verdict = _row(figure)
                lines.append(
                    f"| {answer.number} | {what}, {who}, {place} | {middle} | {bar} | {verdict} |"
                )
    return "\n".join(lines)


def number(value: float, unit: str) -> str:
    """With as many digits as tell something."""
    if unit == RATIO and value < 0.1:
        return f"{value:.3f}"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{TELLS.get(unit, 0 if value >= 100 else 1)}f}"


def _row(figure: Figure) -> tuple[str, str, str, str, str, str, str]:
    of, unit = figure.spread, figure.unit
    mark = "" if unit == RATIO else f" {unit}"
    middle = f"{number(of.middle, unit)}{mark}" if figure.shown else "not told from 1"
    between = f"{number(of.low, unit)}–{number(of.high, unit)}" if of.low != of.high else ""
    bar = ""
    if figure.bar is not None:
        bar = f"{'≥' if figure.at_least else '≤'} {number(figure.bar, unit)}{mark}"
    return figure.what, figure.who, figure.place, middle, between, bar, str(figure.verdict)
