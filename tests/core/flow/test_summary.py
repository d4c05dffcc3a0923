import pytest

from russo._flow.summary import summarize, total_of


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ([{}], "russo: 0 hits, 0 backend calls"),
        (
            [{"misses": 1, "backend_calls": 1, "backend_characters": 33}],
            "russo: 0 hits, 1 backend call (33 characters)",
        ),
        (
            [{"hits": 1, "hit_characters": 5, "hit_seconds": 2.4}],
            "russo: 1 hit (5 characters, 2 s of speech), 0 backend calls",
        ),
        (
            [{"hits": 1200, "hit_characters": 34567, "hit_seconds": 1234.0}, {"hits": 34}],
            "russo: 1,234 hits (34,567 characters, 1,234 s of speech), 0 backend calls",
        ),
        (
            [{"misses": 3, "backend_calls": 1, "backend_characters": 5}, {"damaged": 2}],
            "russo: 0 hits, 1 backend call (5 characters), 3 misses, 2 damaged",
        ),
        ([{"misses": 1}], "russo: 0 hits, 0 backend calls, 1 miss"),
        (
            [{"not_stored": {"disk full": 2}}, {"not_stored": {"disk full": 1, "read-only": 1}}],
            "russo: 0 hits, 0 backend calls, 4 not stored (disk full; read-only)",
        ),
    ],
)
def test_summary_line_is_the_sum_of_all_workers(parts, line):
    assert list(summarize(total_of(parts))) == [line]


def test_each_undeclared_class_and_each_problem_has_a_line():
    parts = [
        {"undeclared": {"MySynth": 3}, "troubles": {"plugin x raised": 2}},
        {"undeclared": {"MySynth": 1, "Another": 1}},
    ]
    assert list(summarize(total_of(parts)))[1:] == [
        "russo: Another declares no cache_key_extra: its settings are not in the key",
        "russo: MySynth declares no cache_key_extra: its settings are not in the key",
        "russo: plugin x raised",
    ]


def test_verbose_summary_adds_backends_layers_and_reasons():
    parts = [
        {"hits": 3, "hits_by": {"acme": 3}, "layers": {"/recordings": 2, "/cache": 1}},
        {"backend_calls": 1, "misses": 1, "backend_calls_by": {"bell": 1}, "not_stored": {"disk full": 1}},
    ]
    assert list(summarize(total_of(parts), verbose=True))[1:] == [
        "russo: backend acme: 3 hits, 0 backend calls",
        "russo: backend bell: 0 hits, 1 backend call",
        "russo: 1 hit from /cache",
        "russo: 2 hits from /recordings",
        "russo: 1 not stored: disk full",
    ]
    assert len(list(summarize(total_of(parts)))) == 1


def test_each_announced_model_end_has_a_line():
    parts = [{"model_ends": {"acme: the model m1 ends": 1}}, {"model_ends": {"acme: the model m1 ends": 1}}]
    assert list(summarize(total_of(parts)))[1:] == ["russo: acme: the model m1 ends"]
