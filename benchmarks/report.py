"""Answers as text: one table for each question.

Law: a figure that may not be printed is not printed; the column says why.
"""

from collections.abc import Iterable

from benchmarks.answer import RATIO, Answer, Figure

TELLS = {"": 0, "s": 3, "ms": 1, "MB": 0, RATIO: 2, "calls": 1}


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


def bars(answer: Answer) -> str:
    """The ratios, and what else has a bar, as a table in Markdown."""
    shown = [figure for figure in answer.figures if figure.bar is not None or figure.unit == RATIO]
    rows = [f"| {' | '.join(_row(figure))} |" for figure in shown]
    return "\n".join(
        ["| | | where | figure | spread | bar | |", "|---|---|---|---|---|---|---|", *rows]
    )


HEADLINES = {
    1: [("small files: CPU", "mirrorfs -a : rsync -a"), ("small files: CPU", "mirrorfs : rclone"),
        ("small files: CPU", "mirrorfs -a : cp -a"),
        ("small files: wall", "mirrorfs -a : rsync -a"),
        ("small files: wall", "mirrorfs -a : cp -a")],
    2: [("small files: wall", "mirrorfs -a : rsync -a"),
        ("small files: wall", "mirrorfs, as rsync -a : rsync -a"),
        ("small files: wall", "mirrorfs : rclone"), ("memory at 1,000,000 files", "mirrorfs -a")],
    3: [("one sync: wall", "mirrorfs -a"), ("one sync: wall", "mirrorfs -a : rsync -a"),
        ("new file: latency", "mirrorfs run"), ("new file: 99th percentile", "mirrorfs run")],
    4: [(deed, "mirrorfs run, mirrored : done") for deed in ("create", "rename", "remove")],
    5: [("rename to mirrored", "mirrorfs run")],
    6: [("large file: wall", "mirrorfs -a : cp -a")],
    7: [("wake-ups that are no timers", "mirrorfs run"), ("memory per directory", "mirrorfs run")],
    8: [("append, one flush at the end", "journal")],
    9: [("first sync: CPU per file", "mirrorfs -a, "),
        ("comparison: CPU per file", "mirrorfs -a, ")],
}  # fmt: skip
"""The figures of a question that are told first, in its first place: what, and how who begins."""


def headlines(answers: Iterable[Answer]) -> str:
    """One line for each, as a table in Markdown."""
    lines = ["| | | figure | bar | |", "|---|---|---|---|---|"]
    for answer in answers:
        barred = [figure for figure in answer.figures if figure.bar is not None]
        for wanted, whose in HEADLINES[answer.number]:
            of_it = [figure for figure in barred if figure.what == wanted]
            exact = [figure for figure in of_it if figure.who == whose]
            for figure in (exact or [one for one in of_it if one.who.startswith(whose)])[:1]:
                what, who, _, middle, _, bar, verdict = _row(figure)
                title = f"{answer.number}. {answer.title} ({answer.scale})"
                lines.append(f"| {title} | {what}, {who} | {middle} | {bar} | {verdict} |")
    return "\n".join(lines)


def mark(unit: str) -> str:
    """What stands behind a number."""
    return "" if unit in ("", RATIO) else f" {unit}"


def number(value: float, unit: str) -> str:
    """With as many digits as tell something."""
    if unit == RATIO and value < 0.1:
        return f"{value:.3f}"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{TELLS.get(unit, 0 if value >= 100 else 1)}f}"


def _row(figure: Figure) -> tuple[str, str, str, str, str, str, str]:
    of, unit = figure.spread, figure.unit
    middle = f"{number(of.middle, unit)}{mark(unit)}" if figure.shown else "not told from 1"
    between = f"{number(of.low, unit)}–{number(of.high, unit)}" if of.low != of.high else ""
    bar = ""
    if figure.bar is not None:
        bar = f"{'≥' if figure.at_least else '≤'} {number(figure.bar, unit)}{mark(unit)}"
    return figure.what, figure.who, figure.place, middle, between, bar, str(figure.verdict)
