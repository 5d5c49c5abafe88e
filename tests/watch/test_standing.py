"""A watch is set where the thread stands; nobody else moves, and nothing is held afterwards."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from mirrorfs.watch.inotify import Inotify

NOBODY = 65534


def in_thread(work: Callable[[], None]) -> None:
    """Do it in a thread of its own; what it raises is raised here."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def stands() -> str:
    """Where this thread stands."""
    return os.readlink("/proc/thread-self/cwd")


def test_a_watch_set_from_near_is_the_one_set_from_afar_and_only_this_thread_moves(
    tmp_path: Path,
) -> None:
    before = os.getcwd()
    inotify = Inotify()
    fd = os.open(tmp_path, os.O_RDONLY)
    wd = inotify.watch(fd)

    def near() -> None:
        with inotify.near():
            assert inotify.watch(fd) == wd
            assert stands() == str(tmp_path)
            assert os.readlink(f"/proc/{os.getpid()}/cwd") == before
        assert stands() == before

    in_thread(near)
    with inotify.near():  # all other threads stand where the first one does
        assert inotify.watch(fd) == wd
        assert stands() == before
    os.close(fd)
    inotify.close()


def test_a_directory_that_may_be_read_and_not_searched_is_watched(tmp_path: Path) -> None:
    (tmp_path / "readable").mkdir(mode=0o444)
    inotify = Inotify()
    fd = os.open(tmp_path / "readable", os.O_RDONLY)

    def near() -> None:
        with inotify.near():
            assert inotify.watch(fd) > 0

    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            in_thread(near)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(fd)
    inotify.close()


def test_who_may_not_go_home_again_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    home = os.open(tmp_path / "home", os.O_RDONLY)
    tree = os.open(tmp_path, os.O_RDONLY)
    inotify = Inotify()

    def near() -> None:
        with inotify.near():
            inotify.watch(tree)
            os.fchmod(home, 0)
        assert stands() == "/"

    child = os.fork()
    if child == 0:
        try:
            os.fchdir(home)
            if os.geteuid() == 0:
                for each in (home, tree):
                    os.fchown(each, NOBODY, NOBODY)
                os.setuid(NOBODY)
            in_thread(near)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for each in (home, tree):
        os.close(each)
    inotify.close()
