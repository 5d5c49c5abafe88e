"""Limits on size and age. An age is asked of everything but directories, a size of files only.

Both ends are inclusive. An age is a span before `now_ns` or a fixed date; what it works out to is
fixed when the filter is built. (rclone: --min-size, --max-size, --min-age, --max-age)
"""

from mirrorfs.core.record import record
from mirrorfs.core.values import Age, format_duration, format_size

from .errors import FilterError


@record
class Limits:
    """Sizes in bytes (-1: none), ages as given, and `now_ns` from which spans are counted.

    From `oldest_ns` to `newest_ns` an mtime is let through. Raises FilterError when none can be.
    """

    min_size: int = -1
    max_size: int = -1
    min_age: Age | None = None
    max_age: Age | None = None
    now_ns: int = 0

    oldest_ns: int | None = None
    newest_ns: int | None = None

    def __post_init__(self) -> None:
        # Worked out once: they are asked for with every file.
        for name, age in (("oldest_ns", self.max_age), ("newest_ns", self.min_age)):
            object.__setattr__(self, name, None if age is None else age.cutoff(self.now_ns))
        oldest, newest = self.oldest_ns, self.newest_ns
        if oldest is not None and newest is not None and newest < oldest:
            raise FilterError(
                f'filter: --min-age "{_age(self.min_age)}" can\'t be larger than '
                f'--max-age "{_age(self.max_age)}"'
            )

    @property
    def any(self) -> bool:
        return self.min_size >= 0 or self.max_size >= 0 or self.aged

    @property
    def aged(self) -> bool:
        return self.min_age is not None or self.max_age is not None

    def refusal(self, size: int, mtime_ns: int | None) -> str | None:
        """The limit that excludes a file, as a flag; None: none does.

        A size of -1 and an mtime of None are unknown, and what is unknown is not judged.
        """
        if mtime_ns is not None:
            if self.oldest_ns is not None and mtime_ns < self.oldest_ns:
                return f"--max-age {_age(self.max_age)}"
            if self.newest_ns is not None and mtime_ns > self.newest_ns:
                return f"--min-age {_age(self.min_age)}"
        if size >= 0:
            if size < self.min_size:
                return f"--min-size {format_size(self.min_size)}"
            if 0 <= self.max_size < size:
                return f"--max-size {format_size(self.max_size)}"
        return None


def _age(age: Age | None) -> str:
    if age is not None and age.instant_ns is not None:
        return f"@{age.instant_ns / 1e9:.3f}"
    return format_duration(age.span_ns if age else None)
