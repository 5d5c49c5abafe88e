"""Show in the documents what was measured: charts, and the tables of the figures that have bars.

    python -m benchmarks.publish

Law: what stands between the marks in a document is made from the results alone, of each question
from those at the largest scale; a test compares.
"""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.answer import Answer, load
from benchmarks.charts import chart
from benchmarks.trees import PROJECT

RESULTS = Path(__file__).parent / "results"
SCALES = ("medium", "standard", "full")
CHARTS = PROJECT / "docs" / "charts"
MARKS = re.compile(r"(<!-- figures of (all|\d) -->\n).*?(<!-- end -->)", re.DOTALL)
DOCUMENTS = (PROJECT / "README.md", PROJECT / "docs" / "performance.md")


def results() -> dict[str, Any]:
    """By number of the question."""
    found: dict[str, Any] = {}
    for scale in SCALES:
        if (file := RESULTS / f"{scale}.json").exists():
            found |= json.loads(file.read_bytes())
    return dict(sorted(found.items()))


def published(found: dict[str, Any]) -> dict[Path, str]:
    """What each file of the documents is to hold."""
    answers = {plain["number"]: load(plain) for plain in found.values()}
    texts = {
        CHARTS / f"{number}.svg": chart(answer, when=_when(found[str(number)]))
        for number, answer in answers.items()
    }
    for document in DOCUMENTS:
        texts[document] = MARKS.sub(
            lambda at: f"{at[1]}{_table(at[2], answers, found)}\n{at[3]}", document.read_text()
        )
    return texts


def _table(which: str, answers: dict[int, Answer], found: dict[str, Any]) -> str:
    if which == "all":
        if not answers:
            return "Not measured yet."
        return report.headlines(answers.values())
    number = int(which)
    if number not in answers:
        return "\nNot measured yet.\n"
    answer = answers[number]
    lines = [f"\n{report.bars(answer)}"]
    lines += [f"\n![{answer.title}](charts/{number}.svg)"]
    lines += [f"\n{_when(found[which])}"]
    return "\n".join(lines) + "\n"


def _when(plain: dict[str, Any]) -> str:
    machine, began, ended = plain["machine"], plain["began"], plain["ended"]
    peers = machine["peers"]
    rsync = re.search(r"version (\S+)", peers["rsync"])
    return (
        f"{plain['scale']}; {machine['kernel']}, {machine['cores']} cores,"
        f" {', '.join(f'{name}: {kind}' for name, kind in plain['places'].items())};"
        f" rsync {rsync[1] if rsync else peers['rsync']};"
        f" load {began['load'][0]:.1f} to {ended['load'][0]:.1f}; {began['time'][:10]}"
    )


def main() -> None:
    CHARTS.mkdir(exist_ok=True)
    for path, text in published(results()).items():
        path.write_text(text)


if __name__ == "__main__":
    main()
