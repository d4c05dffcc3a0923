"""Entries of a hostile pull request: any metadata, with a valid check."""

import json
from pathlib import Path

from xxhash import xxh3_128_hexdigest

from russo import Audio
from russo._store.entry import encode_meta

HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\r\n::error file=a::PWNED\n\x9b31m\u202e\u2066\0"
"""Text with terminal control codes, and with a line that a CI system would run as a command."""


def nested(levels, kind=dict):
    """Return this many containers, each inside the next."""
    value = 1
    for _ in range(levels):
        value = {"a": value} if kind is dict else [value]
    return value


def forged_meta(key, audio, *, raw=None, **changes):
    """Return metadata with these members; ``raw`` holds members that are JSON text already."""
    members = json.loads(encode_meta(key, audio, prompt="p", fields={"own": {"voice": "v"}, "given": None}))
    del members["check"]
    texts = {name: json.dumps(value) for name, value in (members | changes).items()} | (raw or {})

    def lines(texts):
        return "{" + ",".join(f"\n  {json.dumps(name)}: {texts[name]}" for name in sorted(texts)) + "\n}\n"

    check = "xxh3-128:" + xxh3_128_hexdigest(lines(texts).encode())
    return lines({**texts, "check": json.dumps(check)}).encode()


def forge(directory, key, audio, **changes):
    """Write an entry with metadata from `forged_meta`."""
    assert isinstance(audio, Audio)
    Path(directory).mkdir(parents=True, exist_ok=True)
    (Path(directory) / f"{key}.meta").write_bytes(forged_meta(key, audio, **changes))
    (Path(directory) / f"{key}.audio").write_bytes(audio.data)
