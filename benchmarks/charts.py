"""One chart for each question: who took how long, as bars; drawn as plain SVG, without a library.

Law: pure; the same answers give the same picture. A chart is readable on white and on black (its
colours follow the reader's), shows every figure as a number, too, and the spread as a thin line.
"""

from collections.abc import Sequence
from html import escape

from benchmarks.answer import RATIO, Answer, Figure
from benchmarks.report import mark, number

SHOWN = {
    1: ("small files: CPU", "small files: wall"),
    2: ("small files: CPU", "small files: wall"),
    3: ("one sync: wall", "new file: latency", "new file: 99th percentile"),
    4: ("create", "rename", "remove"),
    5: ("rename to mirrored",),
    6: ("large file: CPU", "large file: wall"),
    7: ("memory per directory", "wake-ups a minute"),
    8: ("setting a watch: CPU", "draining, per file: CPU", "find by name", "read a large file"),
    9: ("first sync: CPU per file", "comparison: CPU per file"),
}
"""What is drawn of a question."""

WIDTH, LEFT, RIGHT, ROW = 760, 230, 140, 22
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 16px; font-weight: 600 }
.panel, .more { fill: #57606a }
.more { font-size: 11px }
.bar { fill: #8c959f }
.ours { fill: #0969da }
line { stroke: #24292f; stroke-opacity: .6 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .panel, .more { fill: #9198a1 }
  .bar { fill: #6e7681 }
  .ours { fill: #4493f8 }
  line { stroke: #e6edf3 }
}
"""


def chart(answer: Answer, *, when: str = "") -> str:
    """The picture of an answer, as SVG; ``when``: what stands in its last line."""
    parts: list[str] = []
    height = 34
    parts.append(_text(12, 22, f"{answer.title}: {answer.scale}", "title"))
    for what in SHOWN[answer.number]:
        for place in dict.fromkeys(figure.place for figure in answer.figures):
            rows = [
                figure
                for figure in answer.figures
                if (figure.what, figure.place) == (what, place) and figure.unit != RATIO
            ]
            if rows:
                height += 26
                parts.append(_text(12, height - 6, f"{what} ({place}; less is better)", "panel"))
                parts += _bars(rows, height)
                height += ROW * len(rows)
    height += 24
    parts.append(_text(12, height - 8, when, "more"))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img">'
    )
    title = f"<title>{escape(answer.title)}</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


def _bars(rows: Sequence[Figure], top: int) -> list[str]:
    most = max(max(row.spread.high for row in rows), 1e-9)
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = []
    for index, row in enumerate(rows):
        y = top + index * ROW
        of = row.spread
        kind = "bar ours" if row.who.startswith(("mirrorfs", "watcher", "view")) else "bar"
        width = max(of.middle, 0) * scale
        parts.append(_text(LEFT - 8, y + 15, row.who, anchor="end"))
        parts.append(
            f'<rect class="{kind}" x="{LEFT}" y="{y + 3}" width="{max(width, 1):.1f}"'
            f' height="{ROW - 7}" rx="2"/>'
        )
        if of.high > of.low:
            low, high = (LEFT + max(value, 0) * scale for value in (of.low, of.high))
            middle = y + 3 + (ROW - 7) / 2
            parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
        end = LEFT + max(of.middle, of.high) * scale + 8
        parts.append(_text(end, y + 15, f"{number(of.middle, row.unit)}{mark(row.unit)}"))
    return parts


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    chosen = f' class="{kind}"' if kind else ""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{chosen}{where}>{escape(text)}</text>'
