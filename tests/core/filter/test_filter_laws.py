"""What must hold of any filter, and the parts of the interface that no recorded fact shows."""

import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfs.core.filter import EVERYTHING, Decision, Filter, FilterError, FilterOptions, Source
from mirrorfs.core.filter.options import MIXED
from mirrorfs.core.values import Age
from mirrorfs.errors import SettingError

# Where mirrorfs leaves rclone's ways on purpose: rules, a name, whether it is included here.
DEVIATIONS = [
    pytest.param(
        ["- ?\udcff"], "a\udcff", False, id="a byte that is not UTF-8 may stand in a rule"
    ),
    pytest.param(["- a\nb"], "a\nb", False, id="a control character is itself, no stand-in"),
    pytest.param(
        ["- ?"], "\udcff", False, id="a byte that is not UTF-8 is one character, not three"
    ),
]

names = st.sampled_from(["a", "b", "ab", "a.o", "B", "\udcff", "x\ny", "-"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
globs = st.lists(
    st.sampled_from(
        ["a", "b", "ab", "*", "**", "?", "/", "/", ".o", "{a,b}", "{a/b,b}", "[ab]", "[^a]",
         "{{a.*}}", "\udcff", "\\*", "B"]
    ),
    min_size=1,
    max_size=5,
).map("".join)  # fmt: skip
rules = st.lists(st.tuples(st.sampled_from("+-"), globs).map(" ".join), max_size=5)


def build(lines, **others):
    """A filter from --filter rules, or None when they are refused."""
    sources = tuple(Source("--filter", line) for line in lines)
    try:
        return Filter.build(FilterOptions(sources, **others))
    except FilterError:
        return None


def first_match(found, path, directory=False):
    """rclone's own procedure, from the dump: the first rule that is found in the name decides."""
    _, files, directories = re.split("--- (?:File|Directory) filter rules ---\n", found.dump())
    for line in (
        (directories if directory else files).removesuffix("--- end filters ---").split("\n")
    ):
        if line:
            pattern = re.sub(r"\$$", r"\\Z", line[2:])
            if re.search(pattern, path, re.DOTALL):
                return line[0] == "+"
    return True


@settings(max_examples=250)
@given(rules, paths, st.booleans())
def test_the_answer_is_the_first_matching_rules(lines, path, ignore_case):
    found = build(lines, ignore_case=ignore_case)
    if found is None:
        return
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    walked = all(first_match(found, directory + "/", True) for directory in above)
    assert found.includes(path) is (walked and first_match(found, path))
    assert found.includes(path, is_directory=True) is (
        walked and first_match(found, path + "/", True)
    )
    for is_directory in (False, True):
        included = found.includes(path, is_directory=is_directory)
        assert found.decide(path, is_directory=is_directory).included is included


@settings(max_examples=250)
@given(rules, paths, paths, st.sampled_from([-1, 0, 1, 2, 3]))
def test_what_is_not_entered_holds_nothing(lines, directory, below, depth):
    found = build(lines, max_depth=depth)
    if found is None or found.descends(directory):
        return
    for is_directory in (False, True):
        inner = f"{directory}/{below}"
        assert not found.includes(inner, size=1, mtime_ns=1, is_directory=is_directory)
        assert not found.decide(inner, is_directory=is_directory).included
    assert found.excludes_below(directory)


@settings(max_examples=250)
@given(rules, st.one_of(st.just(""), paths), paths, st.booleans())
def test_no_exclusion_below_is_a_proof(lines, directory, below, ignore_case):
    found = build(lines, ignore_case=ignore_case)
    if found is None or found.excludes_below(directory):
        return
    inner = f"{directory}/{below}" if directory else below
    assert found.includes(inner, size=0, mtime_ns=0)
    assert found.includes(inner, is_directory=True)


@pytest.mark.parametrize(
    ("lines", "directory", "excludes"),
    [
        (["- *.o"], "src", True),
        (["- /build/**"], "src", False),
        (["- /build/**"], "build", True),
        (["- /src/build/**"], "src", True),
        (["+ /docs/**", "- *"], "docs", False),
        (["+ /docs/**", "- *"], "docs/deep/er", False),
        (["+ /docs/**", "- *"], "", True),
        (["+ *", "- /a"], "", False),
        (["+ dir/"], "dir", False),
    ],
)
def test_whole_directories(lines, directory, excludes):
    assert build(lines).excludes_below(directory) is excludes


@pytest.mark.parametrize(
    "others",
    [{"max_size": 5}, {"min_age": Age(span_ns=1)}, {"max_depth": 9}, {"exclude_if_present": ("x",)},
     {"hash_filter": "0/2"}],
)  # fmt: skip
def test_other_filters_leave_every_directory_in_doubt(others):
    assert build([], **others).excludes_below("a")
    assert not build([], **others).is_everything


@pytest.mark.parametrize(("lines", "name", "included"), DEVIATIONS)
def test_deviations(lines, name, included):
    assert build(lines).includes(name) is included


def test_everything():
    assert EVERYTHING.is_everything
    assert EVERYTHING.includes("a/b")
    assert not EVERYTHING.excludes_below("")
    assert not EVERYTHING.marked({"x"})
    assert EVERYTHING.fingerprint() == Filter.build(FilterOptions(max_depth=-1)).fingerprint()


def test_a_path_may_be_as_deep_as_linux_allows():
    found = build(["- /b/**", "- *.o"])
    deep = "/".join("a" * 2000)
    assert found.includes(deep + "/x")
    assert not found.includes(deep + "/x.o")
    assert not found.includes("b/" + deep)


def test_remembered_directories_are_bounded_and_do_not_change_answers():
    found = build(["- /d7/**"])
    for _ in range(2):
        for number in range(9000):
            assert found.includes(f"d{number}/x") is (number != 7)
    assert len(found._known) <= 4096


def test_decisions_name_the_rule_and_its_place():
    options = FilterOptions(
        (
            Source("--exclude-from", "rules.txt", "# ours\n\n  *.o \r\nbuild/\n"),
            Source("--filter", "- x"),
        ),
        max_size=10,
        max_depth=3,
    )
    found = Filter.build(options)
    assert found.decide("d/a.o") == Decision(False, "matches", "- *.o", "rules.txt:3")
    assert found.decide("build/x") == Decision(
        False, "directory build/ matches", "- build/", "rules.txt:4"
    )
    assert found.decide("x") == Decision(False, "matches", "- x", "--filter")
    assert found.decide("y", size=11) == Decision(False, "outside a limit", "--max-size 10")
    assert found.decide("a/b/c/d") == Decision(False, "too deep", "--max-depth 3")
    assert found.decide("y", size=10) == Decision(True, "no rule matches")
    assert found.decide("") == Decision(True, "the root")


def test_limits_judge_files_and_what_is_known():
    found = build([], min_size=1, max_age=Age(instant_ns=100), min_age=Age(instant_ns=200))
    assert found.includes("a")
    assert found.includes("a", is_directory=True, size=0, mtime_ns=0)
    assert [found.includes("a", mtime_ns=ns) for ns in (99, 100, 200, 201)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not found.includes("a", size=0, mtime_ns=150)


def test_ages_follow_the_moment_and_the_fingerprint_does_not():
    options = FilterOptions(max_age=Age(span_ns=10))
    old, new = Filter.build(options, now_ns=100), Filter.build(options, now_ns=200)
    assert old.is_aged
    assert old.includes("a", mtime_ns=95)
    assert not new.includes("a", mtime_ns=95)
    assert not old.at(200).includes("a", mtime_ns=95)
    assert old.fingerprint() == new.fingerprint() == old.at(7).fingerprint()
    assert old.dump().splitlines()[1] == (
        "Last-modified date must be equal or greater than: 1970-01-01 00:00:00.00000009 +0000 UTC"
    )


def test_fingerprints_tell_filters_apart():
    variants = [
        build([]), build(["- a"]), build(["+ a"]), build(["- a"], ignore_case=True),
        build(["- a", "- b"]), build(["- b", "- a"]), build([], max_size=1), build([], min_size=1),
        build([], max_depth=1), build([], exclude_if_present=("a",)), build([], hash_filter="0/2"),
        build([], max_age=Age(span_ns=1)), build([], min_age=Age(span_ns=1)),
        build([], max_age=Age(instant_ns=1)), build(["- \udcff"]), listed("a"), listed("b"),
        listed(""),
    ]  # fmt: skip
    assert len({found.fingerprint() for found in variants}) == len(variants)


def test_a_filter_survives_pickling():
    found = build(["+ *.c", "- \udcff", "- *"], max_size=9)
    again = pickle.loads(pickle.dumps(found))
    assert again.fingerprint() == found.fingerprint()
    assert again.includes("a.c")
    assert not again.includes("a.d")
    assert not again.includes("a.c", size=10)


def listed(text, flag="--files-from"):
    return Filter.build(FilterOptions((Source(flag, "list", text),)))


def test_a_listing_lets_through_what_it_names():
    found = listed("/a/b/c\n# no\n  d \n")
    assert found.includes("a/b/c")
    assert found.includes("d")
    assert found.includes("a", is_directory=True)
    assert found.descends("a/b")
    assert not found.descends("b")
    assert not found.includes("a/b")
    assert not found.includes("# no")
    assert listed("# no\n d\r\n", "--files-from-raw").includes(" d")
    assert listed("# no\n", "--files-from-raw").includes("# no")
    assert not listed("").includes("a")
    assert found.decide("a/b/c").included
    assert not found.decide("a/x").included


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FilterOptions((Source("--filter", "foo"),)), 'malformed rule "foo" (--filter)'),
        (
            FilterOptions((Source("--filter-from", "f", "- a\nb\n"),)),
            'malformed rule "b" (f:2)',
        ),
        (
            FilterOptions((Source("--exclude", "{{(?=a)}}"),)),
            'bad glob pattern "{{(?=a)}}" (regexp "(^|/)((?=a))$"): error parsing regexp: '
            "invalid or unsupported Perl syntax: `(?=` (--exclude)",
        ),
        (FilterOptions((Source("--exclude", "{{a)|(b}}"),)), "unbalanced parentheses"),
        (FilterOptions((Source("--exclude", "{{x"),)), "mismatched '{{' and '}}' in glob \"{{x\""),
        (FilterOptions((Source("--exclude", "[a--b]"),)), "invalid character class range: `a--`"),
        (
            FilterOptions((Source("--files-from", "f", "a"), Source("--exclude", "b"))),
            "the usage of --files-from overrides all other filters",
        ),
        (FilterOptions((Source("--files-from", "f"),)), "--files-from f was not read"),
        (FilterOptions((Source("--nonsense", "f"),)), "no filter flag: --nonsense"),
        (FilterOptions(hash_filter="1"), "no / found"),
        (FilterOptions(hash_filter="1/x"), "can't parse N="),
    ],
)
def test_refusals(options, message):
    with pytest.raises(FilterError) as caught:
        Filter.build(options)
    assert str(caught.value).startswith("Failed to load filters: ")
    assert message in str(caught.value)
    assert isinstance(caught.value, SettingError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_includes_beside_excludes_are_worth_a_word():
    both = FilterOptions((Source("--exclude", "a"), Source("--include", "*")))
    assert Filter.build(both).warnings == (MIXED,)
    assert Filter.build(both).includes("a")
    assert build(["- a"]).warnings == ()


def test_markers():
    found = build([], exclude_if_present=(".nobackup", ".ignore"))
    assert found.markers == (".nobackup", ".ignore")
    assert found.marked({"a", ".ignore"})
    assert not found.marked({"a"})


def test_a_backslash_at_the_end_swallows_the_anchor():
    assert not build(["- a\\"]).includes("d/a$b/c")
    assert build(["- a\\"]).includes("d/a")
