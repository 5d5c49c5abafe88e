"""For every test: deadlines instead of sleeping, profiles for random tests, no silent skip."""

import os
import time
from collections.abc import Callable, Generator
from typing import TypeVar

import hypothesis
import pytest
from support.apart import leave_the_mounts_of_others

T = TypeVar("T")

CI = os.environ.get("CI", "") not in ("", "0", "false")

# `dev` finds what is easy to find at every run; `make torture` gives the same tests time to search.
hypothesis.settings.register_profile("dev", max_examples=50, deadline=None, derandomize=CI)
hypothesis.settings.register_profile("torture", max_examples=20_000, deadline=None)
hypothesis.settings.load_profile("dev")


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], T], float], T]:
    """`eventually(predicate, timeout=10.0)` waits until `predicate()` is true, returns its value.

    For states of another process or thread that announce themselves in no other way. The predicate
    looks at a state (a file is there, a status says so), never at time that has passed.
    """

    def wait(predicate: Callable[[], T], timeout: float = 10.0) -> T:
        deadline = time.monotonic() + timeout
        while not (value := predicate()):
            if time.monotonic() > deadline:
                pytest.fail(f"not within {timeout} s: {predicate}, last {value!r}")
            time.sleep(0.002)
        return value

    return wait


def pytest_configure() -> None:
    if os.geteuid() == 0:
        leave_the_mounts_of_others()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs the rights of root")
    if item.get_closest_marker("fuse"):
        if not os.path.exists("/dev/fuse"):
            pytest.skip("needs /dev/fuse")
        pytest.importorskip("pyfuse3")


# ---- a skip is counted, and fails where everything is supposed to run --------------------------


def _forbid(report: pytest.TestReport | pytest.CollectReport) -> None:
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped where CI is set. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _forbid(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _forbid(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = len(terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.write_line(f"{skipped} skipped: this run has not shown all that holds")
