"""Two trees that have nothing to do with each other become what the options and the filter ask
for: planning again gives nothing, and whatever is none of the mirror's business stays as it was."""

from hypothesis import example, given
from hypothesis import strategies as st
from support.history import NAMES, History, histories, places
from support.mirroring import MARKED, WITHOUT_A, WITHOUT_A_D, WITHOUT_TMP, mirror, without

from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.options import Links, Options
from mirrorfs.core.plan import Verb
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind, is_below, split
from mirrorfs.trees.memory import MemoryTree

ALL = Scope.everything()
named_filters = [EVERYTHING, WITHOUT_TMP, WITHOUT_A, WITHOUT_A_D, without("/*/b", "a-b/**", "/d")]
filters = st.sampled_from([*named_filters, MARKED])
KEEP = """specials permissions owners xattrs times directory_times empty_directories"""
COMPARE = """size_only checksum ignore_times ignore_size ignore_existing update immutable"""
kept = st.fixed_dictionaries(
    {"links": st.sampled_from([Links.SKIP, Links.KEEP])}
    | dict.fromkeys(["delete", "delete_excluded", *KEEP.split()], st.booleans())
)
compared = st.fixed_dictionaries(dict.fromkeys(COMPARE.split(), st.booleans()))
specials = st.lists(
    st.tuples(places, st.sampled_from([Kind.FIFO, Kind.SOCKET, Kind.CHARACTER_DEVICE])), max_size=3
)


def two_trees(opts, shared, theirs, ours, special, ours_special):
    """A source and a destination with some past in common, at different times of day."""
    source, destination = MemoryTree(opts), MemoryTree(opts)
    destination._clock += 10**6  # no time of the one is a time of the other by chance
    History(source).play(shared)
    mirror(source, destination, Options(links=Links.KEEP, empty_directories=True)).run(ALL)
    for tree, past, more in (
        (source, theirs, special),
        (destination, ours, ours_special),
    ):
        History(tree).play(past)
        for place, kind in more:
            path = History(tree)._path(place)
            above = tree.find(split(path)[0])
            if tree.find(path) is None and above and above.entry.kind is Kind.DIRECTORY:
                tree.special(path, kind, rdev=len(path))
    return source, destination


def snapshot(tree):
    return {
        path: (entry, tree.data(path) if entry.kind is Kind.FILE else b"")
        for path, entry in tree.entries().items()
    }


trees = {
    "shared": histories,
    "theirs": histories,
    "ours": histories,
    "special": specials,
    "ours_special": specials,
}


@given(**trees, keep=kept, compare=compared, filter=filters)
def test_planning_again_gives_nothing(
    shared, theirs, ours, special, ours_special, keep, compare, filter
):
    opts = Options(**keep, **compare)
    source, destination = two_trees(opts, shared, theirs, ours, special, ours_special)
    before = snapshot(source)
    both = mirror(source, destination, opts, filter, ignore_errors=True)
    failed = both.run(ALL).failures

    again = both.plan(ALL)

    if opts.ignore_times and opts.immutable and not opts.ignore_existing:
        # To be copied again whatever it looks like, and never to be modified: refused each time.
        assert {failure.path for failure in again.failures} >= failed.keys()
    else:
        assert {failure.path for failure in again.failures} == failed.keys()
    if opts.ignore_times and not opts.ignore_existing:
        assert {action.verb for action in again.actions} <= {Verb.UPDATE, Verb.ATTRIBUTES}
    else:
        assert again.actions == ()
    assert snapshot(source) == before, "nothing ever writes the source"


@given(**trees, keep=kept, filter=st.sampled_from(named_filters))
@example(  # a file d, left out, and a directory d
    [("write", 0, b""), ("mkdir", (0, "b")), ("move", 0, (0, "d"))],
    [],
    [("move", 0, (0, "a")), ("move", 0, (0, "d"))],
    [],
    [],
    {
        "links": Links.SKIP,
        "delete": True,
        **dict.fromkeys(["delete_excluded", *KEEP.split()], False),
    },
    named_filters[-1],
)
def test_the_mirror_holds_what_is_included_and_the_rest_stays(
    shared, theirs, ours, special, ours_special, keep, filter
):
    opts = Options(**keep)
    source, destination = two_trees(opts, shared, theirs, ours, special, ours_special)
    before = snapshot(destination)
    failed = mirror(source, destination, opts, filter, ignore_errors=True).run(ALL).failures
    after = snapshot(destination)

    def visible(entry):
        link = entry.kind is Kind.SYMLINK
        return opts.links is Links.KEEP if link else entry.kind < Kind.FIFO or opts.specials

    def included(path, entry):
        return filter.includes(path, is_directory=entry.is_directory)

    blocked = [path for path in before if any(is_below(path, top) or path == top for top in failed)]
    wanted = {
        path: (entry, content)
        for path, (entry, content) in snapshot(source).items()
        if included(path, entry) and visible(entry)
        and not any(is_below(path, top) or path == top for top in failed)
    }  # fmt: skip
    for path, (entry, content) in wanted.items():
        unseen = path not in after or not visible(after[path][0])
        if entry.is_directory and not opts.empty_directories and unseen:
            assert not any(is_below(other, path) for other in wanted if not
                           wanted[other][0].is_directory)  # fmt: skip
            continue
        found, data = after[path]
        assert (found.kind, found.target, found.rdev) == (entry.kind, entry.target, entry.rdev)
        assert data == content
        if opts.permissions and entry.kind is not Kind.SYMLINK:
            assert found.mode == entry.mode
        if (opts.times and not entry.is_directory) or (opts.directory_times and entry.is_directory):
            assert found.mtime_ns == entry.mtime_ns or (path in before and entry.is_directory)
    for path, (entry, content) in before.items():
        if path in wanted or path in blocked:
            continue
        foreign = not included(path, entry) or not visible(entry)
        in_the_way = any(is_below(path, top) or is_below(top, path) for top in wanted)
        if foreign and not opts.delete_excluded and not in_the_way:
            if not visible(entry) or not entry.is_directory:
                assert after[path] == (entry, content), "what is excluded is not touched"
            assert path in after
        elif not opts.delete and path in after and not entry.is_directory:
            assert after[path] == (entry, content)
    # What is left out of the source protects what has its name, whatever that is.
    left_out = [path for path, (entry, _) in snapshot(source).items() if not included(path, entry)]
    for path in after.keys() - wanted.keys() - set(blocked):
        entry, _ = before[path]  # nothing appears from nowhere
        protected = any(path == top or is_below(path, top) for top in left_out)
        assert (
            not opts.delete or not visible(entry)
            or ((protected or not included(path, entry)) and not opts.delete_excluded)
            or (entry.is_directory and any(is_below(other, path) for other in after))
        ), path  # fmt: skip


@given(**trees, name=st.sampled_from(NAMES))
def test_a_subtree_is_all_that_a_scope_of_it_changes(
    shared, theirs, ours, special, ours_special, name
):
    opts = Options(links=Links.KEEP, specials=True, empty_directories=True, directory_times=False)
    source, destination = two_trees(opts, shared, theirs, ours, special, ours_special)
    before = snapshot(destination)
    mirror(source, destination, opts).run(Scope.of(subtrees=[name]))
    after = snapshot(destination)
    for path in before.keys() | after.keys():
        if path.split("/")[0] != name:
            assert before.get(path) == after.get(path)
