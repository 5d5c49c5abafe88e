"""Go's regular expressions in Python: what they mean, and what is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.filter.dialect import translate


def matches(pattern, text):
    return re.compile(translate(pattern).text, re.DOTALL).search(text) is not None


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^\d$", "7", "٧"),  # Perl's classes are ASCII
        (r"^\w$", "_", "é"),
        (r"^\s$", "\t", "\v"),
        (r"^[\d.]$", ".", "x"),
        (r"^[^\d]$", "x", "1"),
        (r"^[\D]$", "x", "1"),
        (r"^\bé", "", "é"),
        (r"a$", "a", "a\n"),
        (r"\Aa\z", "a", "ba"),
        (r"(?m)^b$", "a\nb\nc", "abc"),
        (r"^a.b$", "a\nb", "ab"),  # the dot takes everything
        (r"^\pL+$", "aé中", "a1"),
        (r"^\p{Lu}$", "É", "é"),
        (r"^\PL$", "1", "a"),
        (r"^\p{^L}$", "1", "a"),
        (r"^[\p{Nd}x]$", "٧", "y"),
        (r"^[[:alpha:]]+$", "aZ", "é"),
        (r"^[[:^alpha:]]$", "1", "a"),
        (r"^[]a]$", "]", "b"),
        (r"^[^]a]$", "b", "]"),
        (r"^[a-]$", "-", "b"),
        (r"^[a\-z]$", "-", "b"),
        (r"^\Q.*\E$", ".*", "ab"),
        (r"^\Qa+\E+$", "a++", "aa"),
        (r"^\x41\x{e9}\101\0$", "AéA\0", "A"),
        (r"^a(?i)b|c$", "aB", "Ab"),
        (r"^a(?i:b)c$", "aBc", "aBC"),
        (r"^(?i:a(?-i)b)$", "Ab", "AB"),
        (r"^(?P<n>a)(?<m>b)(?:c)$", "abc", "ab"),
        (r"^a{2}$", "aa", "a"),
        (r"^a{,2}$", "a{,2}", "a"),  # no repetition without a lower bound
        (r"^x{a}$", "x{a}", "x"),
        (r"^a{2,}$", "aaa", "a"),
        (r"^(?U)a+?$", "aa", ""),
        (r"^*a$", "a", "b"),
        (r"^()*a$", "a", "b"),
        (r"^(^)+a$", "a", "b"),
        (r"^(|a)+$", "aa", "b"),
        (r"^[#&~|-]+$", "#&~|-", "x"),
        (r"^[[]$", "[", "]"),
    ],
)
def test_meaning(pattern, yes, no):
    if yes:
        assert matches(pattern, yes)
    assert not matches(pattern, no)


@pytest.mark.parametrize(
    "pattern",
    [r"(?=a)", r"(?!a)", r"(?<=a)", r"(?>a)", r"(a)\1", r"\Z", r"\é", r"\C", r"\pX", r"\p{Greek}",
     r"a**", r"a*+", r"a{2}{3}", r"*a", r"(*a)", r"a|*", r"+", r"(a", r"a)", r"[a", r"[z-a]",
     r"[a-\d]",
     r"[[:nope:]]", r"a{2,1}", r"a{1001}", r"\x{110000}", r"\x1", r"(?P<n>a)(?P<n>b)", r"(?z)a",
     r"(?i-)", "\\", "[\\", r"\8", r"\1", r"[]"],
)  # fmt: skip
def test_refused_as_go_does(pattern):
    with pytest.raises(ValueError, match=r"."):
        translate(pattern)


@given(st.text(alphabet="ab/.*+?^$|(){}[]\\-:,0123dDwsQEpLN<>Pi=!#&~\n é", max_size=16))
def test_whatever_is_accepted_compiles(pattern):
    try:
        text = translate(pattern).text
    except ValueError:
        return
    re.compile(text, re.DOTALL).fullmatch("a/b")


@given(st.text(alphabet="ab/.*?[]{}^-!\\,é", max_size=10), st.text(alphabet="ab/.é-\n", max_size=6))
def test_without_a_slash_no_slash_is_matched(pattern, name):
    try:
        found = translate(pattern)
    except ValueError:
        return
    match = re.compile(found.text, re.DOTALL).fullmatch(name)
    assert found.may_slash or match is None or "/" not in name


def test_named_sets_are_refused_by_name():
    with pytest.raises(ValueError, match=r"\\p\{Greek\}"):
        translate(r"\p{Greek}")
