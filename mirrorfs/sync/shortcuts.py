"""Which short ways a pass may take: quick checks, and copies in bulk.

Law: with them or without, the same comes of it; where something is asked for that takes an entry of
each file there is none.
"""

from mirrorfs.apply.quota import Quota
from mirrorfs.core.bulk import Kinds
from mirrorfs.core.options import Options
from mirrorfs.core.quick import Look, terms
from mirrorfs.sync.settings import Settings
from mirrorfs.trees.base import Destination, Tree


def looks(source: Tree, destination: Destination, options: Options) -> Look | None:
    """Who makes quick checks, if anybody can by these options."""
    capabilities = destination.capabilities
    agreed = terms(options, capabilities.possible(options), capabilities.owner)
    return None if agreed is None else source.quick(destination, agreed)


def kinds(
    source: Tree, destination: Destination, settings: Settings, quota: Quota | None
) -> Kinds | None:
    """Who tells the names of new directories by kind, if their files may be copied in bulk."""
    if quota is not None and quota.limits:
        return None
    if settings.track_renames is not None or not destination.copies(source):
        return None
    return source.kinds
