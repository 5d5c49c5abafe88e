"""More directories than watches: all arrives, it is said what would help, and that helps at once.

The limit is that of a user namespace, so nobody else on the machine feels it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from live.conftest import Places

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of users is made by root"),
]

LIMITED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from support.forked import call
from support.process import Service, until
source, destination, state = (Path(place) for place in {places!r})
limit = Path("/proc/sys/user/max_inotify_watches")
limit.write_text("100")

def said(command):
    done = call([command, str(source), "--state-dir", str(state)], state.parent)
    return done.code, done.out

def restored():
    code, out = said("doctor")
    return "not watched" not in out and "202 directories watched by inotify" in out and code == 0

flags = ("--poll-interval", "0.3s")
with Service("run", source, destination, state=state, flags=flags) as run:
    run.mirrors()
    for number in range(201):
        (source / str(number) / "changed").touch()
    run.mirrors()
    for command in ("status", "doctor"):
        code, out = said(command)
        assert "and everything below: not watched, looked at every" in out, out
        assert "the limit of inotify watches is reached" in out, out
        assert "to do: sysctl -w fs.inotify.max_user_watches=" in out, out
    assert code == 1, "doctor says that there is something to do"
    limit.write_text("100000")
    until(restored, "all to be watched, by the process that ran before")
    run.mirrors()
    before = run.said()
    for number in range(201):
        (source / str(number) / "again").touch()
    run.mirrors()
    assert run.said() == before, "nothing is compared any more"
print("healed")
"""


def test_a_limit_that_is_raised_heals_what_runs(places: Places) -> None:
    for number in range(201):
        (places.source / str(number)).mkdir()
    tests = str(Path(__file__).parents[1])
    script = LIMITED.format(tests=tests, places=[str(place) for place in places])
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0 and "healed" in done.stdout, done.stdout + done.stderr
