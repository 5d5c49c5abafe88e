"""Four processes change a tree in every way there is while the mirror is killed, on several file
systems; in the end nothing differs.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.conftest import Places
from support import mutator
from support.mounting import KINDS, drive
from support.process import DEADLINE, Service, plan
from support.walker import differences, leftovers

STILL = 2000  # names nobody touches, so that no plan looks like a disaster


@pytest.fixture
def file_system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A mounted file system of the kind asked for, unmounted in the end."""
    with drive(request.param, tmp_path) as point:
        yield point


def torture(places: Places, seed: int, *, operations: int, kills: bool) -> None:
    """Mutators at work on ``source/busy`` until they are done; then the mirror must be right."""
    source, destination, state = places
    (source / "still").mkdir()
    (source / "busy").mkdir()
    for number in range(STILL):
        (source / "still" / str(number)).touch()
    rng = random.Random(seed)
    print(f"seed {seed}")
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        at_work = [
            subprocess.Popen(
                [
                    *(sys.executable, mutator.__file__, source / "busy"),
                    *(str(seed + number), str(operations)),
                ]
            )
            for number in range(4)
        ]
        try:
            for process in at_work:
                while kills:
                    try:
                        process.wait(rng.uniform(0.2, 2.0))
                        break
                    except subprocess.TimeoutExpired:
                        run.kill()
                        run.start()
                assert process.wait(DEADLINE) == 0
        finally:
            for process in at_work:
                process.kill()
                process.wait()
        run.mirrors()
        assert run.stop() == 0
    assert differences(source, destination) == []
    assert leftovers(destination) == []
    planned = plan(source, destination, state, "--full")
    assert (planned["actions"], planned["failures"]) == ([], [])


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("kills", [False, True], ids=["alive", "killed"])
def test_every_kind_of_change_at_once(places: Places, kills: bool) -> None:
    torture(places, random.randrange(2**31), operations=1200, kills=kills)


@pytest.mark.torture
@pytest.mark.root
@pytest.mark.parametrize("file_system", KINDS, indirect=True)
def test_every_kind_of_change_on_every_file_system(file_system: Path, tmp_path: Path) -> None:
    for _ in range(20):
        where = file_system / "source"
        places = Places(where, tmp_path / "destination", tmp_path / "state")
        swapped = Places(tmp_path / "source", file_system / "destination", tmp_path / "state")
        for pair in (places, swapped):
            pair.source.mkdir()
            torture(pair, random.randrange(2**31), operations=5000, kills=True)
            for place in pair:
                shutil.rmtree(place)
