"""Tell the service manager (systemd's sd_notify protocol).

Law: where no manager listens, nothing happens; and nothing that goes wrong here ends the mirror, or
holds it up: a manager that does not read (its queue has room for ten messages, where nobody raised
net.unix.max_dgram_qlen) would else stop whoever tells it something.
"""

import array
import logging
import os
import socket
from collections.abc import Sequence

PATIENCE = 1.0  # seconds in which a manager that is busy reads again

_log = logging.getLogger(__name__)


def listens() -> bool:
    """Whether a service manager asked to be told."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def notify(*assignments: str, descriptors: Sequence[int] = (), within: float = PATIENCE) -> None:
    """Tell it, for example "READY=1"; descriptors go along. ``within``: seconds it may take to make
    room for that; 0 for what is soon said anew, and then left unsaid."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    message = "\n".join(line.replace("\n", " ") for line in assignments)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
            telling.settimeout(within)
            telling.connect(address)
            telling.sendmsg(
                [message.encode("utf-8", "backslashreplace")], rights if descriptors else []
            )
    except BlockingIOError:
        return
    except OSError as error:
        _log.warning("the service manager could not be told: %s", error)
