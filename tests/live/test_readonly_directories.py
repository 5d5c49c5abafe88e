"""A directory that is read-only in the source is read-only in the mirror, and still kept true."""

import os
import tempfile
from pathlib import Path

import pytest
from support.forked import call
from support.walker import differences

NOBODY = 65534


@pytest.mark.root
def test_changes_inside_read_only_directories_arrive_for_an_ordinary_user():
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others
        base = Path(name)
        module, destination = base / "source" / "module", base / "destination"
        module.mkdir(parents=True)
        for file in ("stays", "changes", "goes", "moves"):
            (module / file).write_text(file)
        module.chmod(0o555)
        _give_away(base)
        _sync(base)

        (module / "changes").write_text("changed now")
        (module / "new").write_text("new")
        (module / "goes").unlink()
        (module / "moves").rename(module / "moved")
        _give_away(base / "source")
        _sync(base)

        assert not differences(base / "source", destination)
        assert (destination / "module").stat().st_mode & 0o777 == 0o555


def _give_away(base: Path) -> None:
    for path in [base, *base.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _sync(base: Path) -> None:
    done = call(["sync", "-a", "--retries", "1", "source", "destination"], base, user=NOBODY)
    assert done.code == 0, done.said
