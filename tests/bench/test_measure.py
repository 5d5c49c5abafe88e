"""A cost is that of all processes, and what is interrupted leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.process import until

from benchmarks import live, measure, peers, places, trees

ROOT = Path(__file__).parents[2]

# A child that outlives its parent, and says how much of the processor it used.
ORPHAN = """
import os, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < 0.1:
            pass
        open(sys.argv[1], "w").write(str(time.process_time()))
    os._exit(0)
"""


def test_what_an_orphan_uses_is_counted(tmp_path):
    cost = measure.spend([sys.executable, "-c", ORPHAN, tmp_path / "used"])
    used = float((tmp_path / "used").read_text())
    assert cost.cpu >= used * 0.9
    assert cost.wall > 0


def test_a_contender_that_fails_is_told_with_its_words():
    with pytest.raises(measure.Failed, match="3: lost"):
        measure.spend(["sh", "-c", "echo lost; exit 3"])
    measure.spend(["sh", "-c", "exit 3"], codes=(0, 3))
    with pytest.raises(measure.Failed):
        measure.spend(["no-such-program"])


def test_contenders_take_turns():
    order = []

    def work(name):
        order.append(name)
        return measure.Cost(len(order), 1)

    costs = measure.interleaved({name: lambda name=name: work(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbaccab"
    assert [cost.wall for cost in costs["a"]] == [1, 5, 8]


def test_system_calls_are_counted_in_all_processes():
    once = measure.calls(["sh", "-c", "exit 0"])
    twice = measure.calls(["sh", "-c", "sh -c 'exit 0'; exit 0"])
    assert once["execve"] == 1
    assert twice["execve"] == 2


def test_memory_is_that_of_all_processes():
    hold = "import sys; held = bytearray(50_000_000); sys.stdin.read()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE) as process:
        until(lambda: measure.memory(process.pid) > 50e6, "both hold their memory")
        process.communicate(b"")


def test_a_peer_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    there, lost = peers.installed(peers.ONCE, ["mirrorfs", "rsync -a"])
    assert [peer.name for peer in there] == ["mirrorfs"]
    assert lost == ["rsync -a is not installed: apt install rsync"]
    assert peers.versions()["rsync"] == "missing"


def test_a_service_is_ended_with_all_its_children(tmp_path):
    log = tmp_path / "log"
    script = "(trap '' TERM; exec sleep 1000) & echo $!; exec sleep 1000"

    def serve():
        with live.serving(["sh", "-c", script], log) as service:
            until(lambda: log.read_text().strip(), "the child began")
            service.kill()
            service.wait()

    with pytest.raises(measure.Failed, match="-9"):
        serve()
    pid = int(log.read_text())
    until(lambda: not _runs(pid), "the child is gone")


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_trees_hold_what_was_asked_for(tmp_path):
    trees.many(tmp_path / "many", 250, size=10)
    trees.deep(tmp_path / "deep", 60)
    trees.directories(tmp_path / "directories", 120)
    files = [path for path in (tmp_path / "many").rglob("*") if path.is_file()]
    assert len(files) == 250 and {path.stat().st_size for path in files} == {10}
    assert len(list((tmp_path / "deep").rglob("file"))) == 60
    assert trees.count(tmp_path / "directories") == 120


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_what_was_interrupted(tmp_path, number):
    """The storm: services run, trees stand. What a kill left is removed by the next run."""
    words = [sys.executable, "-m", "benchmarks", "4", "--scale", "tiny", "--only", "tmpfs"]
    words += ["--tmpfs", str(tmp_path / "here"), "--results", str(tmp_path / "results")]
    (tmp_path / "here").mkdir()
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE) as run:
        until(lambda: list(tmp_path.glob("here/*/memory-*/mirrors/*/control")), "a mirror runs")
        run.send_signal(number)
        _, said = run.communicate()
    if number == signal.SIGKILL:
        assert os.listdir(tmp_path / "here")
        until(lambda: str(tmp_path) not in _commands(), "its services go with it")
        with places.places({"tmpfs": tmp_path / "here"}):
            (kept,) = os.listdir(tmp_path / "here")
        assert kept.startswith(f"{places.PREFIX}{os.getpid()}-")
    else:
        assert run.returncode == 130, said.decode()
    assert not os.listdir(tmp_path / "here")
    until(lambda: str(tmp_path) not in _commands(), "nothing of it runs")
    assert not (tmp_path / "results").exists()


def _commands():
    done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    "deed",
    ["measure.spend(['true'])", "trees.in_parts(print)", "live.serving(['cat'], Path(log))"],
)
def test_a_stop_is_heard_that_comes_while_a_process_is_forked(tmp_path, deed):
    """What a handler raises there would be printed and forgotten."""
    words = f"""
import os, signal, sys
from pathlib import Path
from benchmarks import live, measure, trees

log = sys.argv[1]

os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    getattr({deed}, "__enter__", id)()
except KeyboardInterrupt:
    sys.exit(0)
sys.exit("lost")
"""
    subprocess.run([sys.executable, "-c", words, tmp_path / "log"], cwd=ROOT, check=True)


@pytest.mark.parametrize("number", range(1, 10))
def test_every_question_is_asked_to_the_end(tmp_path, number):
    words = [sys.executable, "-m", "benchmarks", str(number), "--scale", "tiny", "--only", "tmpfs"]
    words += ["--tmpfs", str(tmp_path / "here"), "--results", str(tmp_path / "results")]
    (tmp_path / "here").mkdir()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not os.listdir(tmp_path / "here")
    found = json.loads((tmp_path / "results" / "tiny.json").read_text())[str(number)]
    short = [note for note in found["notes"] if "too short" in note]
    assert short or any(figure["bar"] is not None for figure in found["figures"])
    assert found["machine"]["peers"]["rsync"] != "missing"
    asked = {figure["who"].partition(",")[0].partition(" : ")[0] for figure in found["figures"]}
    assert any(name.startswith(("mirrorfs", "journal", "watcher")) for name in asked)
    expected = ("too short", "at this scale", "is not installed: apt install")
    unanswered = [note for note in found["notes"] if not any(word in note for word in expected)]
    if os.geteuid() == 0:  # nobody else can mount
        assert not unanswered


@pytest.mark.root
def test_a_tmpfs_is_ours_and_holds_any_number_of_files(tmp_path):
    with places.places({"tmpfs": tmp_path}) as made:
        root = made["tmpfs"].root
        assert made["tmpfs"].kind == "tmpfs"
        assert os.path.ismount(root) and os.statvfs(root).f_files == 0
        trees.write(root / "there", b"")
    assert not root.exists()
