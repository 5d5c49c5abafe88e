"""One pass over two trees, and the options and filters that random tests choose from."""

from hypothesis import strategies as st

from mirrorfs.core.filter import EVERYTHING, Filter, FilterOptions, Source
from mirrorfs.core.fold import fold
from mirrorfs.core.options import Links, Options, archive
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind
from mirrorfs.sync.listener import Listener
from mirrorfs.sync.settings import Settings
from mirrorfs.sync.sync import Pass

ARCHIVE = archive(Options())
PLAIN = Options()


def without(*patterns, markers=()):
    sources = tuple(Source("--exclude", pattern) for pattern in patterns)
    return Filter.build(FilterOptions(sources, exclude_if_present=markers))


WITHOUT_TMP = without("*.tmp")
WITHOUT_A = without("/a/**")
WITHOUT_A_D = without("/a/d", "/b/a/**")  # treats names below two places differently
MARKED = without(markers=("d",))

options = st.sampled_from([ARCHIVE, PLAIN, Options(links=Links.KEEP, permissions=True)])
filters = st.sampled_from([EVERYTHING, WITHOUT_TMP, WITHOUT_A, WITHOUT_A_D, MARKED])


def mirror(source, destination, opts, filter=EVERYTHING, *, heard=None, names=None, **settings):
    """``heard`` is called with every batch of outcomes; ``names``: what is known of links."""
    listener = Listener()
    if heard is not None:
        listener.done = heard
    return Pass(
        source,
        destination,
        options=opts,
        filter=filter,
        settings=Settings(**{"transfers": 1} | settings),
        names=names,
        listener=listener,
    )


def full(source, destination, opts, filter=EVERYTHING, **settings):
    return mirror(source, destination, opts, filter, **settings).run(Scope.everything())


def replay(source, destination, changes, opts, filter=EVERYTHING, names=None):
    folded = fold(changes)
    pair = mirror(source, destination, opts, filter, names=names)
    return pair.run(folded.scope, folded.hints)


def shape(tree, opts):
    """What an outsider sees of a tree in memory: no times of directories where those are not
    kept."""
    seen = {}
    for path, entry in tree.entries().items():
        mode = entry.mode if opts.permissions else 0
        if entry.kind is Kind.DIRECTORY:
            seen[path] = (entry.kind, mode, entry.mtime_ns if opts.directory_times else 0)
        elif entry.kind is Kind.SYMLINK:
            seen[path] = (entry.kind, entry.target, entry.mtime_ns)
        else:
            seen[path] = (entry.kind, mode, entry.mtime_ns, tree.data(path))
    return seen
