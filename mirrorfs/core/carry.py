"""Names in JSON: valid for every reader, and no byte of a name is lost.

Law: text that is UTF-8 stands there as it is. In other text (it has surrogate escapes, see
`mirrorfs.core.tree`) each byte that does not fit is shown as ``\\xff``, and the field beside it
that is named ``…_b64`` has the exact bytes, in base64. So a reader that does not care sees a name,
and one that does looks for ``path_b64`` before ``path``:

    {"path": "caf\\xe9", "path_b64": "Y2Fm6Q=="}

Of a list, ``…_b64`` is a list as long, null where the text is exact; of an object whose names are
paths it is an object with the entries that are not exact.
"""

import base64
import json
from typing import Any

SUFFIX = "_b64"


def dumps(document: Any, *, indent: int | None = None) -> str:
    """``document`` as JSON text, all ASCII."""
    return json.dumps(_carried(document)[0], indent=indent)


def loads(text: str | bytes) -> Any:
    """What `dumps` was given, with lists for tuples. Raises ValueError."""
    try:
        return _restored(json.loads(text), None)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"what stands beside a name does not fit: {error}") from None


def _carried(value: Any) -> tuple[Any, Any]:
    """What stands for the value, and what stands beside it (None for nothing)."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        pairs = [_carried(one) for one in value]
        exact = [beside for _, beside in pairs]
        return [one for one, _ in pairs], exact if any(exact) else None
    if isinstance(value, dict):
        return _object(value)
    return value, None


def _text(text: str) -> tuple[str, str | None]:
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # surrogates that stand for no byte are no part of any name
            raw = text.encode("utf-8", "surrogatepass")
        return raw.decode("utf-8", "backslashreplace"), base64.b64encode(raw).decode()
    return text, None


def _object(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
    shown: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in record.items():
        said, exact = _text(str(name))
        if exact is not None:
            while said in shown or said in record:  # a name is spelled like these escapes
                said += "?"
            names[said] = exact
        shown[said], beside = _carried(value)
        if beside is not None:
            shown[said + SUFFIX] = beside
    return shown, names or None


def _restored(value: Any, exact: Any) -> Any:
    if isinstance(value, str):
        return value if exact is None else _exactly(exact)
    if isinstance(value, list):
        besides = exact or [None] * len(value)
        return [_restored(one, beside) for one, beside in zip(value, besides, strict=True)]
    if isinstance(value, dict):
        names = exact or {}
        return {
            _exactly(names[name]) if name in names else name: _restored(
                one, value.get(name + SUFFIX)
            )
            for name, one in value.items()
            if not (name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in value)
        }
    return value


def _exactly(exact: str) -> str:
    return base64.b64decode(exact, validate=True).decode("utf-8", "surrogateescape")
