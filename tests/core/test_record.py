"""Records behave as the dataclasses they stand for, which cost too much at every start."""

import copy
import pickle
from dataclasses import dataclass
from dataclasses import field as dataclass_field

import pytest

from mirrorfs.core.record import MANY, asdict, field, mutable, record, replace


@record
class Place:
    """Where."""

    path: str
    depth: int = 0
    names: list[str] = field(default_factory=list)

    @property
    def root(self) -> bool:
        return not self.path


@dataclass(frozen=True, slots=True)
class Model:
    path: str
    depth: int = 0
    names: list[str] = dataclass_field(default_factory=list)


@mutable
class Count:
    seen: int = 0


@record
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError(self.number)


@pytest.fixture(scope="module", autouse=True, params=["few", "many"])
def _made(request: pytest.FixtureRequest) -> None:
    """Of a class of which many are made, they are made by other code."""
    shared = [kind.__init__ for kind in (Place, Count, Even)]
    if request.param == "many":
        for _ in range(MANY):
            Place("a")
            Count()
            Even(2)
        assert not {*shared} & {Place.__init__, Count.__init__, Even.__init__}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        (("a",), {}),
        (("a", 1), {"names": ["b"]}),
        ((), {"path": "a", "depth": 2}),
        (("a", 1, [], 2), {}),
        (("a",), {"path": "b"}),
        (("a",), {"other": 1}),
    ],
)
def test_it_takes_and_shows_what_a_dataclass_does(values: tuple, named: dict) -> None:
    def made(kind: type) -> object:
        try:
            one = kind(*values, **named)
        except TypeError:
            return TypeError
        return one.path, one.depth, one.names, repr(one).partition("(")[2]

    assert made(Place) == made(Model)


def test_equality_is_of_class_and_fields() -> None:
    assert Place("a") == Place("a") != Place("b")
    assert Place("a") != Model("a")
    assert Count(1) == Count(1) != Count(2)
    assert hash(Even(2)) == hash(Even(2))
    with pytest.raises(TypeError):
        hash(Count())


def test_a_record_never_changes_and_a_mutable_one_may() -> None:
    place = Place("a")
    with pytest.raises(AttributeError):
        place.path = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del place.path
    assert place == Place("a")
    count = Count()
    count.seen += 1
    assert count == Count(1)
    with pytest.raises(AttributeError):
        count.other = 1  # type: ignore[attr-defined]


def test_no_two_share_a_default_that_changes() -> None:
    first, second = Place("a"), Place("a")
    first.names.append("b")
    assert second.names == []


def test_it_is_replaced_copied_and_pickled() -> None:
    place = Place("a", 3, ["b"])
    assert replace(place, depth=4) == Place("a", 4, ["b"])
    assert asdict(place) == {"path": "a", "depth": 3, "names": ["b"]}
    assert pickle.loads(pickle.dumps(place)) == copy.deepcopy(place) == place
    with pytest.raises(TypeError):
        replace(place, other=1)
    with pytest.raises(ValueError, match="3"):
        replace(Even(2), number=3)


def test_it_keeps_its_methods_its_name_and_its_words() -> None:
    assert Place("").root
    assert (Place.__qualname__, Place.__doc__) == ("Place", "Where.")
    match Place("a", 1):
        case Place(path, depth):
            assert (path, depth) == ("a", 1)
