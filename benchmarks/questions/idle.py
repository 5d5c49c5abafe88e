"""7. Idle: many watched directories, and nothing happens.

Wake-ups are context switches of all threads, from /proc. What they are is told by strace, in a
second stretch of time: what begins with a wait whose time is over is a timer, and what it does then
belongs to it; what begins with anything else is none. Memory is that of the process beside the
same process on an empty tree; the kernel keeps a mark and the inode for every watch besides,
whoever sets it.
"""

import re
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.live import Gone, begin, serving
from benchmarks.measure import family, memory, processor, spend, switches
from benchmarks.peers import LIVE, Peer, installed
from benchmarks.places import Place, remove
from benchmarks.scale import Scale

TITLE = "Idle"
BYTES = 250.0  # for a directory
OTHERS = 0.0  # wake-ups in the whole stretch that are no timers
APART = 0.5  # seconds between the calls of two wake-ups
START = 600.0
QUIET = 3.0  # seconds in which a service's clock stands still
FORCED = ("--watch-backend", "inotify")

_WAIT = re.compile(r"\b(epoll_p?wait2?|poll|ppoll|select|pselect6|futex|clock_nanosleep)\b")
_OVER = re.compile(r"= 0 \(Timeout\)|= 0$|ETIMEDOUT")
_SPENT = re.compile(r" <(\d+\.\d+)>$")
_CUT = re.compile(r"unfinished \.\.\.>|detached|restart_syscall|ERESTART")  # by strace itself


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(7, TITLE, f"{scale.watched:,} directories, {scale.idle:.0f} s")
    place = next(iter(places.values()))
    peers, lost = installed(LIVE, ["mirrorfs run", "lsyncd, delay 0", "inotifywait + rsync"])
    answer.notes += lost
    if not scale.whole:
        peers = peers[:1]
        answer.notes.append("no peers at this scale: waiting takes long")
    many = place.fresh("directories")
    trees.directories(many, scale.watched)
    for peer in peers:
        try:
            _idle(answer, scale, place, peer, many)
        except Gone as error:
            answer.notes.append(f"{peer.name}: {error}")
    remove(many)
    return answer


def _idle(answer: Answer, scale: Scale, place: Place, peer: Peer, many: Path) -> None:
    ours = peer.name == "mirrorfs run"
    held: list[int] = []
    for source in (place.empty("nothing"), many):
        target, mind = place.empty("target"), place.empty("memory")
        spend(["cp", "-a", f"{source}/.", target])
        words = peer.command(source, target, mind) + (list(FORCED) if ours else [])
        with serving(words, place.fresh("idle.log")) as service:
            begin(source, target, START)
            _quiet(service.pid, min(QUIET, scale.idle))
            held.append(memory(service.pid))
            if source is many:
                _stretch(answer, scale, place, peer, service.pid)
        remove(target)
    each = max(held[1] - held[0], 0) / scale.watched
    bar = BYTES if ours else None
    answer.add(peer.name, "memory per directory", place.name, "bytes", [each] * 3, bar)
    answer.add(peer.name, "memory", place.name, "MB", [held[1] / 1e6])


def _quiet(pid: int, pause: float) -> None:
    """Wait until a service does nothing any more."""
    end = time.monotonic() + START
    used = -1.0
    while used != (now := processor(pid)):
        if time.monotonic() > end:
            raise Gone("it never became idle")
        used = now
        time.sleep(pause)


def _stretch(answer: Answer, scale: Scale, place: Place, peer: Peer, pid: int) -> None:
    woken, used = switches(pid), processor(pid)
    time.sleep(scale.idle)
    a_minute = 60 / scale.idle
    times = sum(now - woken.get(thread, 0) for thread, now in switches(pid).items())
    used = processor(pid) - used
    answer.add(peer.name, "wake-ups a minute", place.name, "", [times * a_minute])
    answer.add(peer.name, "CPU a minute", place.name, "ms", [used * a_minute * 1000])
    found = _others(pid, scale.idle)
    bar = OTHERS if peer.name == "mirrorfs run" else None
    answer.add(peer.name, "wake-ups that are no timers", place.name, "", [len(found)] * 3, bar)
    if found and bar is not None:
        answer.notes.append(f"{peer.name}: {'; '.join(found[:3])}")


def _others(pid: int, seconds: float) -> list[str]:
    """The first calls of those wake-ups of a stretch that are no timers."""
    with tempfile.NamedTemporaryFile("r") as log:
        words = ["strace", "-f", "-ttt", "-T", "-qq", "-o", log.name]
        for one in family(pid):
            words += ["-p", str(one)]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as tracer:
            time.sleep(seconds)
            tracer.terminate()
        return others(log.read().splitlines())


def others(lines: list[str]) -> list[str]:
    """Of lines of strace -f -ttt -T (process, seconds, call, seconds in it): the first calls of
    wake-ups, which end apart in time, that are not waits whose time was over. What strace itself
    interrupted when it began and ended does not count."""
    found, last = [], 0.0
    for line in lines:
        _, moment, call = line.split(None, 2)
        end = float(moment)
        if spent := _SPENT.search(call):
            call = call[: spent.start()]
            # What others' calls stand in between of is told twice, when it begins and when it ends.
            end += 0.0 if "resumed>" in call else float(spent[1])
        if _CUT.search(call):
            last = end if spent else last
            continue
        if end - last > APART and not (_WAIT.search(call) and _OVER.search(call)):
            found.append(call)
        last = end
    return found
