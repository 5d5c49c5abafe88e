"""rclone's behaviour, fact by fact: trees before, flags, trees after (facts.json).

Facts of rclone 1.76, for local trees. Fields of a case, beside the trees (support.pictures):
``source_at``/``destination_at`` the arguments, if not ``src`` and ``dst``; ``others`` directories
beside them; ``as`` the user; ``answers`` at a terminal; ``untouched``, ``rewritten``, ``renamed``
{new: old} what became of inodes in the destination; ``says``/``says_not`` regexps of the output;
``reports`` lines of files, sorted. The source must not change, nor any other directory.
"""

import contextlib
import json
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from conformance.deviations import DEVIATIONS
from support import forked, pictures

FACTS = json.loads(Path(__file__).with_name("facts.json").read_text())
CASES = {
    f"{group}/{case['name']}": case for group, cases in FACTS["cases"].items() for case in cases
}
TREES = {"source": "src", "destination": "dst"}


def timed(value):
    """The case with its times spelled out."""
    if isinstance(value, dict):
        return {
            key: FACTS["times"].get(inner, inner) if key == "mtime" else timed(inner)
            for key, inner in value.items()
        }
    return [timed(inner) for inner in value] if isinstance(value, list) else value


class Stage:
    """A case's directories, and what a run made of them."""

    def __init__(self, root, case):
        self.root, self.case = root, case
        self.trees = {TREES[name]: case[name] for name in TREES}
        self.trees |= case.get("others", {})
        self.user = forked.NOBODY if "as" in case else None

    def build(self):
        for name in self.case.get("mounts", []):
            (self.root / name).mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "none", self.root / name], check=True)
        for name, picture in self.trees.items():
            if picture is not None:
                pictures.make(self.root / name, picture)
                if self.user is not None:
                    pictures.give(self.root / name, self.user)
        for name, text in self.case.get("texts", {}).items():
            (self.root / name).write_text(text)
        for name, picture in self.trees.items():
            pictures.restrict(self.root / name, picture or {})
        (self.root / "clock").touch()
        if self.user is not None:
            os.chown(self.root, self.user, self.user)
        self.before = {name: pictures.look(self.root / name) for name in self.trees}

    def run(self):
        case = self.case
        places = {
            "@SRC@": self.root / "src",
            "@DST@": self.root / "dst",
            "@ROOT@": self.root,
        }
        words = [
            case["command"],
            str(self.root / case.get("source_at", "src")),
            str(self.root / case.get("destination_at", "dst")),
            *case["flags"],
        ]
        for mark, place in places.items():
            words = [word.replace(mark, str(place)) for word in words]
        pictures.settle(self.root / "clock")
        return forked.call(words, self.root, user=self.user, answers=case.get("answers"))

    def wrong(self, done):
        """Everything that is not as the case says."""
        case, root = self.case, self.root
        code = case["exit"]
        if (done.code == 0) if code == "not 0" else (done.code != code):
            yield f"exit code {done.code}, not {code}"
        after = {name: pictures.look(root / name) for name in self.trees}
        if case.get("after_one_of"):
            found = [pictures.unlike(one, after["dst"]) for one in case["after_one_of"]]
            if all(found):
                yield from min(found, key=len)
        elif "after" in case:
            yield from pictures.unlike(case["after"], after["dst"])
        if "source_after" in case:
            yield from pictures.unlike(case["source_after"], after["src"])
        expected = case.get("others_after", {})
        for name in expected:
            seen = pictures.look(root / name)
            for line in pictures.unlike(expected[name], seen, directories=False):
                yield f"{name}: {line}"
        judged = {"dst", *expected} | ({"src"} if "source_after" in case else set())
        for name in self.trees.keys() - judged:
            if faces(self.before[name]) != faces(after[name]):
                yield f"{name} changed"
        yield from self.inodes(self.before["dst"] or {}, after["dst"] or {})
        yield from self.words(done)

    def inodes(self, before, after):
        for path in self.case.get("untouched", []):
            if path not in after or before[path].touch != after[path].touch:
                yield f"{path!r} was touched"
        for path in self.case.get("rewritten", []):
            if path not in after or before[path].touch == after[path].touch:
                yield f"{path!r} was not written"
        for path, origin in self.case.get("renamed", {}).items():
            if path not in after or before[origin].stat.st_ino != after[path].stat.st_ino:
                yield f"{path!r} is not what was {origin!r}"

    def words(self, done):
        for pattern in self.case.get("says", []):
            if not re.search(pattern, done.said, re.M):
                yield f"does not say /{pattern}/"
        for pattern in self.case.get("says_not", []):
            if re.search(pattern, done.said, re.M):
                yield f"says /{pattern}/"
        for name, lines in self.case.get("reports", {}).items():
            found = sorted((self.root / name).read_text().splitlines())
            if found != sorted(lines):
                yield f"{name}: {found}, not {sorted(lines)}"
        for name, patterns in self.case.get("report_says", {}).items():
            for pattern in patterns:
                if not re.search(pattern, (self.root / name).read_text(), re.M):
                    yield f"{name} lacks /{pattern}/"


def faces(seen):
    return None if seen is None else {path: found.face for path, found in seen.items()}


@pytest.fixture
def stage():
    """Builds a case, where any user may look; what it mounted goes."""
    with contextlib.ExitStack() as stack:

        def build(case):
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fact-")))
            root.chmod(0o755)
            built = Stage(root, timed(case))
            for name in case.get("mounts", []):
                command = ["umount", root / name]
                stack.callback(subprocess.run, command, check=True)
            built.build()
            return built

        yield build


def needs_root(case):
    features = [one for name in TREES for one in (case[name] or {}).values()]
    return "as" in case or "mounts" in case or any("uid" in one for one in features)


def cases(names):
    return [
        pytest.param(name, id=name, marks=[pytest.mark.root] * needs_root(CASES[name]))
        for name in names
    ]


def judge(stage, case):
    built = stage(case)
    done = built.run()
    return list(built.wrong(done)), done


@pytest.mark.parametrize("name", cases(name for name in CASES if name not in DEVIATIONS))
def test_does_what_rclone_does(stage, name):
    wrong, done = judge(stage, CASES[name])
    assert not wrong, done


@pytest.mark.parametrize("name", cases(DEVIATIONS))
def test_does_better_on_purpose(stage, name):
    wrong, done = judge(stage, CASES[name] | DEVIATIONS[name].instead)
    assert not wrong, done
    wrong, done = judge(stage, CASES[name])
    assert wrong, f"no deviation any more: {DEVIATIONS[name].reason}"


def test_the_documentation_names_every_deviation():
    text = (Path(__file__).parents[2] / "docs/rclone.md").read_text()
    rows = {line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if " | " in line}
    assert {deviation.reason for deviation in DEVIATIONS.values()} == rows - {"mirrorfs"}


@pytest.mark.parametrize("fact", FACTS["values"], ids=lambda fact: shlex.join(fact["flags"]))
def test_takes_the_values_that_rclone_takes(tmp_path, fact):
    for name in TREES.values():
        (tmp_path / name).mkdir()
    done = forked.call(["sync", *TREES.values(), *fact["flags"]], tmp_path)
    assert (done.code == 0) is fact["accepted"], done
