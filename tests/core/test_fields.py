"""One rule for reading nested key fields, used everywhere."""

from collections import Counter

import pytest

from russo import AudioCache, CachedSynthesizer
from russo._cli.entries import read_entry
from russo._fields import backend_of, flatten, frozen, speaker_of
from russo._plugin.unused import Known
from russo._statistics import Counts
from support.speakers import PROMPT, Speaker, synthesize

INNER = {"own": {"backend": "acme", "voice": "anna", "speed": 1.0}, "given": {"voice": "bert"}}
NESTED = {"own": INNER, "given": {"filter": "phone"}}


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"own": {"voice": "anna"}, "given": None}, {"voice": "anna"}),
        ({"own": {"voice": "anna"}, "given": {"voice": "bert"}}, {"voice": "bert"}),
        (NESTED, {"backend": "acme", "voice": "bert", "speed": 1.0, "filter": "phone"}),
        ({"own": {"own": 1, "voice": "anna"}, "given": None}, {"own": 1, "voice": "anna"}),
        ({"own": None, "given": None}, {}),
        ({}, {}),
        (None, {}),
        (["own"], {}),
        ({"own": "text", "given": 3}, {}),
    ],
)
def test_settings_are_flattened_and_outer_settings_override_inner_ones(fields, settings):
    assert flatten(fields) == settings
    assert flatten(frozen(fields)) == settings


@pytest.mark.parametrize(
    ("fields", "backend", "speaker"),
    [
        (NESTED, "acme", "acme"),
        ({"own": {"class": "m.Synth"}, "given": None}, None, "m.Synth"),
        ({"own": {"backend": 3}, "given": None}, None, None),
        ({}, None, None),
    ],
)
def test_backend_and_speaker_are_strings_or_none(fields, backend, speaker):
    assert (backend_of(fields), speaker_of(fields)) == (backend, speaker)


def test_command_and_pruning_read_the_same_backend_of_a_wrapped_synthesizer(tmp_path, events):
    cache = AudioCache(tmp_path)
    inner = CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path / "inner"), cache_key_extra={"a": 1})
    synthesize(CachedSynthesizer(inner, cache=cache, cache_key_extra={"b": 2}))
    (key,) = cache.stored_keys()
    listed = read_entry(cache, "cache", key)
    assert (listed.backend, listed.prompt) == ("speaker", PROMPT)
    known = Known(Counts(speakers=Counter({listed.backend: 1})), None, ())
    assert list(known.not_used(cache)) == [(key, PROMPT)]
    assert {event.backend for event in events.recorded} == {"speaker"}


@pytest.mark.parametrize(
    "fields", [{"a": {"b": 1}}, {"a": [{"b": 1}]}, {"a": [[{"b": {}}]]}, {"a": ({"b": 1},)}]
)
def test_mappings_at_any_depth_are_frozen(fields):
    inner = frozen(fields)["a"]
    while isinstance(inner, tuple):
        (inner,) = inner
    with pytest.raises(TypeError):
        inner["b"] = 2
