"""Ask the questions and show what they found.

    python -m benchmarks [QUESTION ...] [--scale quick|standard|full] [--tmpfs DIR] [--disk DIR]

Writes one JSON file for each scale; of a question that is asked again only its own part changes.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import facts, report
from benchmarks.measure import Failed
from benchmarks.places import places
from benchmarks.questions import NAMES, question
from benchmarks.scale import SCALES

RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure mirrorfs.")
    options.add_argument("questions", nargs="*", type=int, metavar="QUESTION", help="1 to 9 (all)")
    options.add_argument("--scale", choices=SCALES, default=_scale())
    options.add_argument("--rounds", type=int, metavar="N", help="each contender runs N times")
    options.add_argument("--tmpfs", type=Path, default=Path("/dev/shm"), metavar="DIR",
                         help="a tmpfs (/dev/shm); root may name any directory")  # fmt: skip
    options.add_argument("--disk", type=Path, default=Path("/var/tmp"), metavar="DIR")
    options.add_argument("--only", choices=("tmpfs", "disk"), help="ask in this place alone")
    options.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    chosen = options.parse_args(arguments)
    if unknown := set(chosen.questions) - set(NAMES):
        options.error(f"no such question: {', '.join(map(str, sorted(unknown)))}")
    scale = SCALES[chosen.scale]
    if chosen.rounds:
        scale = replace(scale, rounds=chosen.rounds)
    roots = {"tmpfs": chosen.tmpfs, "disk": chosen.disk}
    roots = {name: root for name, root in roots.items() if chosen.only in (None, name)}
    file = chosen.results / f"{chosen.scale}.json"
    asks = {number: question(number) for number in chosen.questions or NAMES}
    machine = facts.machine()  # asks every peer its version: all programs are in the cache now
    if not scale.whole:
        print("The bars are set for larger trees; here the start of a program decides much.\n")
    code = 0
    try:
        with places(roots) as made:
            kinds = {name: place.kind for name, place in made.items()}
            for number, ask in asks.items():
                before, began = facts.moment(), time.monotonic()
                try:
                    answer = ask(scale, made)
                except Failed as error:
                    print(f"{number}. could not be asked: {error}\n", flush=True)
                    code = 1
                    continue
                finally:
                    for place in made.values():
                        place.clear()
                took, ended = time.monotonic() - began, facts.moment()
                load = f"load {before['load'][0]:.1f} to {ended['load'][0]:.1f}"
                print(f"{report.table(answer)}\n  {took:.0f} s; {load}\n", flush=True)
                around = {"machine": machine, "places": kinds, "began": before, "ended": ended}
                store(file, str(number), answer.plain() | around)
    except KeyboardInterrupt:
        print("interrupted; nothing is left behind", file=sys.stderr)
        return 130
    return code


def store(file: Path, number: str, answer: dict[str, Any]) -> None:
    """Only this question's part changes, whoever else asked others meanwhile."""
    file.parent.mkdir(exist_ok=True)
    found = json.loads(file.read_bytes()) if file.exists() else {}
    found[number] = answer
    ordered = dict(sorted(found.items()))
    file.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def _scale() -> str:
    return "full" if os.environ.get("FULL", "") not in ("", "0") else "standard"


if __name__ == "__main__":
    sys.exit(main())
