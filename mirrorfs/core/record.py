"""Plain data with names: what dataclasses do, without compiling methods for each class.

Law: two records are equal when they are of one class and all their fields are; none inherits from
another. A `record` never changes once made, a `mutable` one may.

Half a hundred dataclasses cost more at every start than all else that a small sync does: each
method of each is written as text and compiled. These share theirs, until a class turns out to be
made many times.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

MANY = 100  # compiling takes as long as making so many of a class in the shared way

T = TypeVar("T")


class _Fresh:
    """A default that is made anew for each record."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], T]) -> T:
    """The default of a field that must not be shared, as a list."""
    fresh: Any = _Fresh(default_factory)
    return fresh  # type: ignore[no-any-return]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """The class with a slot for each annotated name, an ``__init__`` that takes them in this order
    or by name and then calls ``__post_init__``, equality, hash and a representation."""
    return _made(cls, {"__setattr__": _refuse, "__delattr__": _refuse, "__hash__": _hash})


@dataclass_transform(field_specifiers=(field,))
def mutable(cls: type[T]) -> type[T]:
    """The same for fields that change; so it has no hash."""
    return _made(cls, {"__hash__": None})


def replace(made: T, **changes: Any) -> T:
    """A record as ``made``, but for some fields. Raises TypeError for a name that is no field."""
    kind: Any = type(made)
    return kind(**{**asdict(made), **changes})  # type: ignore[no-any-return]


def asdict(made: object) -> dict[str, Any]:
    """The fields by name, in order; what they hold is not copied."""
    return {name: getattr(made, name) for name in made.__slots__}  # type: ignore[attr-defined]


def _made(cls: type[T], methods: dict[str, Any]) -> type[T]:
    names = tuple(cls.__annotations__)
    body = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    defaults = {name: body.pop(name) for name in names if name in body}
    body |= {"__slots__": names, "__match_args__": names, "__qualname__": cls.__qualname__}
    body |= {"__eq__": _eq, "__repr__": _repr, "__reduce__": _reduce, **methods}
    body["_values"] = property(attrgetter(*names))
    make: Any = type(cls)
    made = make(cls.__name__, cls.__bases__, body)
    made.__init__ = _init(made, names, defaults)
    return made  # type: ignore[no-any-return]


def _init(cls: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    # A slot is set through its descriptor: that also works where __setattr__ refuses.
    setters = [(name, vars(cls)[name].__set__) for name in names]
    post = getattr(cls, "__post_init__", None)
    left = MANY

    def __init__(self: object, *values: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            cls.__init__ = _compiled(cls, names, defaults)
        if len(values) > len(names):
            raise TypeError(f"{cls.__name__} takes {len(names)} fields, not {len(values)}")
        for (_, put), value in zip(setters, values, strict=False):
            put(self, value)
        for name, put in setters[len(values) :]:
            if name in named:
                value = named.pop(name)
            elif name in defaults:
                value = defaults[name]
                if type(value) is _Fresh:
                    value = value.make()
            else:
                raise TypeError(f"{cls.__name__} needs {name}")
            put(self, value)
        if named:
            raise TypeError(f"{cls.__name__} cannot take {', '.join(named)}")
        if post is not None:
            post(self)

    return __init__


def _compiled(cls: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    """The same as text that is compiled: six times as fast."""
    fresh = {name: value for name, value in defaults.items() if type(value) is _Fresh}
    scope: dict[str, Any] = {f"put_{name}": vars(cls)[name].__set__ for name in names}
    scope |= {f"make_{name}": value.make for name, value in fresh.items()}
    scope |= {f"usual_{name}": value for name, value in defaults.items()}
    frozen = "__setattr__" in vars(cls)
    head, lines = [], []
    for name in names:
        head.append(f"{name}=usual_{name}" if name in defaults else name)
        made = f"make_{name}() if {name} is usual_{name} else {name}" if name in fresh else name
        lines.append(f"    put_{name}(self, {made})" if frozen else f"    self.{name} = {made}")
    if hasattr(cls, "__post_init__"):
        lines.append("    self.__post_init__()")
    exec(f"def __init__(self, {', '.join(head)}):\n" + "\n".join(lines or ["    pass"]), scope)
    made_init: Callable[..., None] = scope["__init__"]
    return made_init


def _eq(self: Any, other: Any) -> Any:
    if self.__class__ is not other.__class__:
        return NotImplemented
    return self._values == other._values


def _hash(self: Any) -> int:
    return hash(self._values)


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={value!r}" for name, value in asdict(self).items())
    return f"{type(self).__qualname__}({fields})"


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), tuple(asdict(self).values())


def _refuse(self: object, name: str, _: object = None) -> NoReturn:
    raise AttributeError(f"{type(self).__name__}.{name} never changes")
