import hashlib
import subprocess
import sys
import types
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from russo import cache_key
from russo._store.key import _remembered, canonical_json, derive, plain
from support.speakers import PROMPT

# Digests made without russo: the ASCII JSON of ["russo", 1, prompt, own, given], written by hand and
# hashed. Users' repositories contain these keys; a change here makes every recording unreachable.
GOLDEN = [
    ("hello", None, None, "b692dc8b5e1a3b0dc72fe9f8274c00462548742c0f49eb5b2bf79236df9c383c"),
    (
        PROMPT,
        {"backend": "google", "voice": "Kore", "model": "gemini-2.5-flash-preview-tts"},
        None,
        "ad3d1936f851139b7a8786d057a01f62b6295abced05d92871e5dbbe90935796",
    ),
    (
        PROMPT,
        None,
        {"voice": "Kore", "model": "m"},
        "de7be33acbe90448a47c1ca51500e2a7648ba7f3cdda0b43a22c752b9c59f33a",
    ),
    ("", {}, {}, "b639021a1de5be7c90232cb505c51a96f43260105c1c72c2cd86c936c90d8209"),
    (
        '  two\nlines\t"quoted" \\ and \x00\x7f\u2028 ',
        {"speed": 1.0},
        {"speed": 1},
        "9ba53f4949ffd97322a2f0335ab2a27ddf760e2676079042e9a192ec0925ed39",
    ),
    (
        "Grüße 👋 \ud800",
        {"ünï": "\udfff"},
        None,
        "736e2a4f75d8bf2b7b9aa097083d4039c62d875d87159bb23bce84055dabca81",
    ),
    (
        "floats",
        {
            "a": 0.1,
            "b": 1e-7,
            "c": 1e16,
            "d": -0.0,
            "e": 123456789012345678901234567890,
            "f": True,
            "g": None,
        },
        None,
        "a8cec010762162dffa4b578a10a2f5da8c531e153d6572f1a63a45bc84e460f2",
    ),
    (
        "nested",
        {"z": [1, [2, {"b": [], "a": {}}]], "a": {"y": {"x": "w"}}},
        {"list": ["b", "a"]},
        "7ef6c1c7fdc710b6212d21a40add7966c51b4750eba135dfa91e95678594adf3",
    ),
]
NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(("prompt", "own", "given", "digest"), GOLDEN)
def test_key_is_the_pinned_digest(prompt, own, given, digest):
    assert cache_key(prompt, own, given) == digest


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_key_is_equal_across_processes_and_hash_seeds(seed):
    code = "import ast, sys, russo\nfor each in ast.literal_eval(sys.argv[1]): print(russo.cache_key(*each))"
    cases = ascii([case[:3] for case in GOLDEN])
    done = subprocess.run(
        [sys.executable, "-c", code, cases],
        env={"PYTHONHASHSEED": seed, "PATH": "", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [case[3] for case in GOLDEN]


def test_order_of_names_does_not_matter():
    assert cache_key("x", {"a": 1, "b": {"c": 2, "d": 3}}, None) == cache_key(
        "x", {"b": {"d": 3, "c": 2}, "a": 1}, None
    )


@pytest.mark.parametrize("kind", [dict, OrderedDict, types.MappingProxyType])
def test_type_of_mapping_does_not_matter(kind):
    assert cache_key("x", kind({"a": kind({"b": 1})}), None) == cache_key("x", {"a": {"b": 1}}, None)


def test_tuple_and_list_give_the_same_key():
    assert cache_key("x", {"a": (1, 2)}, None) == cache_key("x", {"a": [1, 2]}, None)


REQUESTS = [
    ("x", None, None),
    ("X", None, None),
    ("x ", None, None),
    (" x", None, None),
    ("x\n", None, None),
    ("x", {}, None),
    ("x", None, {}),
    ("x", {}, {}),
    ("x", {"voice": "a"}, None),
    ("x", None, {"voice": "a"}),
    ("x", {"voice": "a"}, {"voice": "a"}),
    ("x", {"voice": "a"}, {"voice": "b"}),
    ("x", {"voice": "b"}, {"voice": "a"}),
    ("x", {"voice": "a", "speed": 1.0}, None),
    ("x", {"voice": "a"}, {"speed": 1.0}),
    ("x", {"voice": "a", "speed": 1}, None),
    ("x", {"voice": "a", "speed": "1.0"}, None),
    ("x", {"voice": "a", "speed": True}, None),
    ("x", {"voice": "a", "speed": None}, None),
    ("x", {"voice": "a", "speed": 1.0000000000000002}, None),
    ("x", {"voice": "a", "speed": [1.0]}, None),
    ("x", {"voice": ["a", "b"]}, None),
    ("x", {"voice": ["b", "a"]}, None),
    ("x", {"voice": "ab"}, None),
    ("x", {"voice": {"a": "b"}}, None),
    ("x", {"prompt": "x"}, None),
    ("é", None, None),
    ("e\u0301", None, None),
    ("\\u00e9", None, None),
]


def test_every_difference_in_a_request_changes_the_key():
    keys = [cache_key(*request) for request in REQUESTS]
    assert len(set(keys)) == len(REQUESTS)


@pytest.mark.parametrize("name", [1, 1.5, True, None, b"voice", ("a",)])
@pytest.mark.parametrize("wrap", [lambda fields: fields, lambda fields: {"a": [fields]}])
def test_name_that_is_not_a_string_is_refused(name, wrap):
    # json would write 1, True and None as strings, and two different mappings would share a key.
    with pytest.raises(TypeError) as caught:
        cache_key("x", wrap({name: "x"}), None)
    assert str(caught.value) == f"cache_key_extra has the name {name!r}; names are strings"


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize(("wrap", "path"), [((lambda v: v), "speed"), ((lambda v: {"a": [v]}), "speed.a")])
def test_number_that_is_not_finite_is_refused_with_its_path(value, wrap, path):
    with pytest.raises(ValueError, match="which JSON cannot hold") as caught:
        cache_key("x", None, {"speed": wrap(value)})
    assert f"cache_key_extra[{path!r}] is {value!r}" in str(caught.value)


@pytest.mark.parametrize("value", [b"a", {"a"}, object(), Path("a"), Decimal(1), 1j, range(3), len, str])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": value}])
def test_value_that_is_not_json_is_refused(value, wrap):
    with pytest.raises(TypeError, match=f"is {type(value).__name__}; it must be a JSON value"):
        cache_key("x", {"voice": wrap(value)}, None)


@pytest.mark.parametrize("fields", ["voice", ["voice"], 1, [("voice", "a")]])
def test_fields_that_are_not_a_mapping_are_refused(fields):
    with pytest.raises(TypeError, match=f"cache_key_extra is {type(fields).__name__}, not a mapping"):
        cache_key("x", fields, None)


def test_plain_copies_deeply():
    fields = {"a": {"b": [1]}}
    copied = plain(fields)
    fields["a"]["b"].append(2)
    assert copied == {"a": {"b": [1]}}
    assert plain(None) is None


def test_canonical_json_is_ascii_sorted_and_without_spaces():
    assert canonical_json({"b": [1, 2.5, None, True], "a": "é\ud800"}) == (
        '{"a":"\\u00e9\\ud800","b":[1,2.5,null,true]}'
    )


# Values that Python considers equal are all listed, because a memory that confused two of them would
# replay the wrong audio.
SCALARS = st.sampled_from(
    [0, 0.0, -0.0, False, 1, 1.0, True, None, "", "1", "é", "\ud83d\ude00", "\U0001f600"]
)
VALUES = st.recursive(
    SCALARS | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
FIELDS = st.none() | st.dictionaries(st.sampled_from("ab"), VALUES)


def plain_key(prompt, own, extra):
    """Derive a key as the golden keys define it, without remembering anything."""
    request = canonical_json(["russo", 1, prompt, plain(own), plain(extra)])
    return hashlib.sha256(request.encode("ascii")).hexdigest()


@given(st.text() | st.just("\ud83d\ude00"), FIELDS, FIELDS)
def test_key_of_remembered_fields_is_the_digest_of_one_json_array(prompt, own, extra):
    for _ in range(2):
        key, declared = derive(prompt, own, plain(extra))
        assert (key, repr(declared)) == (plain_key(prompt, own, extra), repr(plain(own)))
    assert key == cache_key(prompt, own, extra)


@pytest.mark.parametrize("values", [[1, 1.0, True], [0.0, -0.0, 0, False], [[1], [1.0]], [(1,), (True,)]])
def test_values_that_python_considers_equal_are_remembered_separately(values):
    made = [{"speed": value} for value in values]
    for fields in made + made[::-1]:
        assert cache_key("equal", fields, None) == plain_key("equal", fields, None)
    assert len({cache_key("equal", fields, None) for fields in made}) == len(values)


def test_equal_fields_are_encoded_once():
    _, declared = derive("one", {"voice": "a", "styles": ["calm", "warm"]}, None)
    known = _remembered.cache_info()
    _, shared = derive("two", {"voice": "a", "styles": ["calm", "warm"]}, None)
    assert shared is declared
    assert _remembered.cache_info().misses == known.misses


def test_remembered_fields_cannot_be_changed():
    fields = {"styles": ["calm"]}
    first, declared = derive("mine", fields, None)
    fields["styles"].append("warm")
    second, _ = derive("mine", fields, None)
    assert declared == {"styles": ["calm"]}
    assert first != second == plain_key("mine", fields, None)


def test_long_fields_are_not_remembered():
    before = _remembered.cache_info().currsize
    fields = {"instructions": "long " * 1000}
    assert derive("x", fields, None)[0] == plain_key("x", fields, None)
    assert _remembered.cache_info().currsize == before  # long fields would waste memory
