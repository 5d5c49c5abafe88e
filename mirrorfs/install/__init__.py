"""Putting the units in place and having them run: what `mirrorfs service` does.

Law: whatever is done is shown as it is done, and done once: a second call finds nothing to do. The
configuration, the state and what the user added to a unit (drop-ins) are never touched.

    units       the files that are shipped, and where they belong
    program     how the service manager is to call this mirrorfs
    manager     the service manager: the system's, or a user's
    steps       one thing that is done: a file written, a file removed, a command
    instance    what has to be done for one mirror
"""

from mirrorfs.install.instance import Instance
from mirrorfs.install.manager import Manager
from mirrorfs.install.program import foreign_owner
from mirrorfs.install.steps import Command, Step, carry_out

__all__ = ["Command", "Instance", "Manager", "Step", "carry_out", "foreign_owner"]
