"""A systemd for all of these tests, and a mirror that is a service of it."""

import re
from collections.abc import Iterator

import pytest
from live.conftest import places, plain_environment
from support.machine import UNIT, Machine
from support.systemd import Systemd

__all__ = ["places", "plain_environment"]


@pytest.fixture(scope="session")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    base = tmp_path_factory.mktemp("machine")
    (base / "shared").mkdir()
    (base / "shared").chmod(0o755)  # for the mirror of a user
    (base / "systemd").mkdir()
    with Systemd(base / "systemd", base / "shared") as systemd:
        yield systemd


@pytest.fixture
def machine(systemd: Systemd, request: pytest.FixtureRequest) -> Iterator[Machine]:
    base = systemd.shared[-1] / re.sub(r"\W", "-", request.node.name)
    base.mkdir()
    yield Machine(systemd, base)
    print(systemd.log(UNIT)[-4000:])
    systemd.systemctl("stop", UNIT, code=None)
    systemd.systemctl("reset-failed", UNIT, code=None)
    dropped = ("", "-view", "-audit")
    places = [f"/etc/systemd/system/mirrorfs{kind}@it.service.d" for kind in dropped]
    systemd.run("rm", "-rf", *places)
    systemd.run("journalctl", "--rotate", "--vacuum-time=1us")
