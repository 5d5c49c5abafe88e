"""The filter flags as given, and their assembly into rules.

Law: rules take effect in the order of the flags below, whatever their order on the command line;
any include flag ends the rules with an implied `- /**`. (rclone: parseRules)
"""

from collections.abc import Iterator

from mirrorfs.core.record import record
from mirrorfs.core.values import Age

from . import listing
from .errors import FilterError
from .rules import RuleBook

INCLUDE_FLAGS = ("--include", "--include-from")
EXCLUDE_FLAGS = ("--exclude", "--exclude-from")
RULE_FLAGS = (*INCLUDE_FLAGS, *EXCLUDE_FLAGS, "--filter", "--filter-from")
LISTING_FLAGS = ("--files-from", "--files-from-raw", "--files-from0")

MIXED = (
    "Using --filter is recommended instead of both --include and --exclude: includes are always "
    "put before excludes"
)


@record
class Source:
    """One use of a flag that takes rules or names.

    `value` is a pattern, a rule or a file's name; `text` the content of that file for the flags
    that name one (bytes that are not UTF-8 decoded with surrogateescape).
    """

    flag: str
    value: str
    text: str | None = None


@record
class FilterOptions:
    """Everything a filter is built from. Sizes are bytes, -1 is none; a depth of -1 is any."""

    sources: tuple[Source, ...] = ()
    min_size: int = -1
    max_size: int = -1
    min_age: Age | None = None
    max_age: Age | None = None
    max_depth: int = -1
    ignore_case: bool = False
    exclude_if_present: tuple[str, ...] = ()
    hash_filter: str = ""
    hash_draw: int | None = None


def rule_book(options: FilterOptions) -> RuleBook:
    """All rules, in the order in which they count. Raises FilterError."""
    book = RuleBook(ignore_case=options.ignore_case)
    known = (*RULE_FLAGS, *LISTING_FLAGS)
    for source in options.sources:
        if source.flag not in known:
            raise FilterError(f"no filter flag: {source.flag}", rule=source.value)
    for flag in RULE_FLAGS:
        for source in options.sources:
            if source.flag == flag:
                for line, origin in _lines(source):
                    if flag.startswith("--filter"):
                        book.line(line, origin)
                    else:
                        book.add(line, origin, include=flag in INCLUDE_FLAGS)
    if _uses(options, INCLUDE_FLAGS):
        book.add("/**", "implied by --include", include=False)
    return book


def file_listing(options: FilterOptions, *, alone: bool) -> listing.Listing | None:
    """The files of --files-from..., None without such a flag.

    `alone`: no other filter is given. Raises FilterError otherwise.
    """
    flags = [flag for flag in LISTING_FLAGS if _uses(options, (flag,))]
    if not flags:
        return None
    if not alone:
        raise FilterError(
            f"the usage of {flags[0]} overrides all other filters, it should be used alone or with "
            + " or ".join(flag for flag in LISTING_FLAGS if flag != flags[0])
        )
    return listing.from_names(
        name for source in options.sources if source.flag in flags for name in _names(source)
    )


def warnings(options: FilterOptions) -> tuple[str, ...]:
    """What the user should hear about flags that work, but perhaps not as meant."""
    mixed = _uses(options, INCLUDE_FLAGS) and _uses(options, EXCLUDE_FLAGS)
    return (MIXED,) if mixed else ()


def _uses(options: FilterOptions, flags: tuple[str, ...]) -> bool:
    return any(source.flag in flags for source in options.sources)


def _lines(source: Source) -> Iterator[tuple[str, str]]:
    """Each rule of a source and the place it stands at."""
    if not source.flag.endswith("-from"):
        yield source.value, source.flag
    else:
        for number, line in listing.numbered_lines(_text(source)):
            yield line, f"{source.value}:{number}"


def _names(source: Source) -> Iterator[str]:
    if source.flag == "--files-from0":
        return listing.nul_separated(_text(source))
    if source.flag == "--files-from-raw":
        return listing.raw_lines(_text(source))
    return (line for _, line in listing.numbered_lines(_text(source)))


def _text(source: Source) -> str:
    if source.text is None:
        raise FilterError(f"{source.flag} {source.value} was not read", rule=source.value)
    return source.text
