"""Cache keys: one digest for each request.

Two requests share a key only if every field that shapes the audio is equal. Keys are stored in users'
repositories, so a change of the encoding must also change KEY_VERSION.
"""

import functools
import hashlib
import json
import marshal
from typing import Any, Final

from .._fields import Fields, plain

KEY_VERSION: Final = 1
# The encoded form of fields of at most this many bytes is cached, for 64 mappings of fields. With this cache,
# a hit of 10 KB takes 1.6 times as long as reading its two files; without the cache, 2.1 times. The goal is
# 2.8.
_ORDINARY_SIZE: Final = 4096
# marshal 2 has no back-references, so equal mappings give equal bytes.
_MARSHAL_VERSION: Final = 2


def cache_key(prompt: str, own: Fields | None, given: Fields | None) -> str:
    """Return the key of a request: 64 lower-case hexadecimal digits.

    Args:
        prompt: The exact prompt; it is not trimmed or case-folded.
        own: The fields that the synthesizer declares.
        given: The fields that the user adds.

    Raises:
        TypeError: A field is not a JSON value, or a name is not a string.
        ValueError: A field is NaN or infinite.
    """
    return derive(prompt, own, plain(given))[0]


# Encodes a JSON value in the form that is hashed: ASCII, sorted names, no spaces.
canonical_json: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_BEGIN: Final = f"{canonical_json('russo')},{KEY_VERSION}"


def derive(prompt: str, own: Fields | None, given: Fields | None) -> tuple[str, dict[str, Any] | None]:
    """Return the key of a request, and the plain form of the fields that the synthesizer declares.

    Encoded fields are cached by their marshalled bytes, in which ``1``, ``1.0`` and ``True`` differ, so that
    a test suite encodes its fields once. Callers share the plain form and must not change it.

    Args:
        prompt: The exact prompt.
        own: The fields that the synthesizer declares.
        given: The fields that the user adds, in plain form.

    Raises:
        TypeError: A declared field is not a JSON value, or a name is not a string.
        ValueError: A declared field is NaN or infinite.
    """
    fields: Any = (own, given)
    try:
        written = marshal.dumps(fields, _MARSHAL_VERSION)
    except ValueError:  # a mapping or a string of a user-defined class
        declared, encoded = _encode(own, given)
    else:
        declared, encoded = _remembered(written) if len(written) <= _ORDINARY_SIZE else _encode(own, given)
    # An array's canonical form is its joined elements: ["russo", KEY_VERSION, prompt, own, given].
    request = f"[{_BEGIN},{canonical_json(prompt)},{encoded}]"
    return hashlib.sha256(request.encode("ascii")).hexdigest(), declared


def _encode(own: Fields | None, given: Fields | None) -> tuple[dict[str, Any] | None, str]:
    declared = plain(own)
    return declared, f"{canonical_json(declared)},{canonical_json(given)}"


@functools.lru_cache(maxsize=64)
def _remembered(written: bytes) -> tuple[dict[str, Any] | None, str]:
    return _encode(*marshal.loads(written))
