from collections.abc import Mapping

from mirrorfs.core.preview import Shown
from mirrorfs.view.places import Place
from mirrorfs.view.rows.plain import Known, Lasting, Listed

EDITION: int

def pack(place: Place, shown: Mapping[str, Shown], known: Known, lasting: Lasting) -> Listed: ...
