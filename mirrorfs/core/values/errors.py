"""One exception for a flag's value that cannot be used."""

from mirrorfs.errors import UsageError


class ValueRefused(UsageError, ValueError):
    """A value was refused. The message names the value and says what is accepted."""

    def __init__(self, value: str, accepted: str, why: str = "") -> None:
        reason = f" ({why})" if why else ""
        super().__init__(f"{value!r} is not accepted{reason}; expected {accepted}")
        self.value = value
        self.accepted = accepted
        self.why = why

    def __reduce__(self) -> tuple[type["ValueRefused"], tuple[str, str, str]]:
        return type(self), (self.value, self.accepted, self.why)
