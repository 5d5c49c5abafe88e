"""Explain a command (`help sync`), all flags (`help flags`), or list the commands."""

from mirrorfs.cli import COMMANDS, top
from mirrorfs.cli.helping import all_flags, command_help
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out
from mirrorfs.errors import UsageError


def run(call: Call) -> int:
    topic = call.places[0] if call.places else ""
    if topic and topic != "flags" and topic not in COMMANDS:
        raise UsageError(f"no help for {topic!r}", remedy="see `mirrorfs --help`")
    print_out(top() if not topic else all_flags() if topic == "flags" else command_help(topic))
    return 0
