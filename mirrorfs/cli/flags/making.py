"""What `init` is told instead of asking; all other flags it is given go into the file."""

from .kinds import Group, switch, text, texts


class Making(Group):
    """The file of a new mirror."""

    source: str = text("What is mirrored", value="DIR", own=True)
    destination: tuple[str, ...] = texts(
        "Where to; may be given several times", value="DIR", own=True
    )
    preset: tuple[str, ...] = texts(
        "Leave out caches, builds, trash, temporary, machines; or none", value="PRESET", own=True
    )
    yes: bool = switch("Ask nothing; a file that is there is never replaced so", "-y", own=True)
