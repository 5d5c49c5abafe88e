"""Any name in JSON that any reader takes, and back."""

import base64
import json
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from support.names import NAMES

from mirrorfs.core.carry import dumps, loads

texts = st.binary(max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape")) | st.text(
    st.sampled_from("a\\xf\udcff\udcf0_b64é"), max_size=6
)
fields = st.sampled_from(["path", "origin", "owed", "last", "why"])
documents = st.recursive(
    texts | st.integers() | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(fields, inner, max_size=4)
        | st.dictionaries(texts.filter(lambda name: not name.endswith("_b64")), texts, max_size=4)
    ),
    max_leaves=12,
)


def is_utf8(value: object) -> bool:
    if isinstance(value, list):
        return all(map(is_utf8, value))
    if isinstance(value, dict):
        return is_utf8([*value, *value.values()])
    return (
        not isinstance(value, str)
        or max(value, default="") < "\udc80"
        or not any(0xD800 <= ord(char) < 0xE000 for char in value)
    )


@given(documents)
def test_everything_comes_back(document) -> None:
    record = {"it": document}
    said = dumps(record)
    assert said.isascii() and "\n" not in said
    assert is_utf8(json.loads(said))
    assert loads(said) == record


def test_what_it_looks_like() -> None:
    assert json.loads(dumps({"path": "caf\udce9", "size": 1})) == {
        "path": "caf\\xe9",
        "path_b64": "Y2Fm6Q==",
        "size": 1,
    }
    assert json.loads(dumps({"path": "café"})) == {"path": "café"}
    assert json.loads(dumps({"last": [1, "copy", "\udcff"]})) == {
        "last": [1, "copy", "\\xff"],
        "last_b64": [None, None, "/w=="],
    }
    assert json.loads(dumps({"owed": {"\udcff": "why", "b": "why"}})) == {
        "owed": {"\\xff": "why", "b": "why"},
        "owed_b64": {"\\xff": "/w=="},
    }
    assert loads(dumps({"owed": {"\udcff": "1", "\\xff": "2"}})) == {
        "owed": {"\udcff": "1", "\\xff": "2"}
    }


def test_jq_takes_every_name_and_gives_its_bytes() -> None:
    text = "\n".join(dumps({"path": name.decode("utf-8", "surrogateescape")}) for name in NAMES)
    program = "(.path_b64 // (.path | @base64))"
    done = subprocess.run(
        ["jq", "-r", program], input=text, capture_output=True, text=True, check=True
    )
    assert [base64.b64decode(line) for line in done.stdout.split()] == NAMES
