"""One exception for filters that cannot be used."""

from mirrorfs.errors import SettingError


class FilterError(SettingError, ValueError):
    """A filter was refused; `rule` is the text it stood in ("" when no single rule is to blame).

    The message has rclone's form, `Failed to load filters: ...`, then where the rule came from.
    """

    def __init__(self, why: str, *, rule: str = "", origin: str = "") -> None:
        where = f" ({origin})" if origin else ""
        super().__init__(f"Failed to load filters: {why}{where}")
        self.why = why
        self.rule = rule
        self.origin = origin

    def __reduce__(self) -> tuple[object, tuple[str, str, str]]:
        return _again, (self.why, self.rule, self.origin)


def _again(why: str, rule: str, origin: str) -> FilterError:
    return FilterError(why, rule=rule, origin=origin)
