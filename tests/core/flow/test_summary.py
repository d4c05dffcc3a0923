import pytest

from russo._flow.summary import Notes, summarize, total_of


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
            [{"hits": 1, "hit_characters": 33, "hits_unknown": 1}],
            "russo: 1 hit (33 characters), 0 backend calls",
        ),
        (
            [{"hits": 3, "hit_characters": 58, "hits_unknown": 1, "hit_seconds": 4.1}],
            "russo: 3 hits (58 characters, 4 s of speech, 1 of unknown length), 0 backend calls",
        ),
        (
            [{"hits": 1, "hit_characters": 5, "hit_seconds": 0.3}],
            "russo: 1 hit (5 characters, 0 s of speech), 0 backend calls",
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
        "russo: plugin x raised",
        "russo: Another declares no cache_key_extra: its settings are not in the key",
        "russo: MySynth declares no cache_key_extra: its settings are not in the key",
    ]


def test_verbose_summary_adds_backends_layers_and_reasons():
    parts = [
        {"hits": 3, "hits_by": {"acme": 3}, "layers": {"/recordings": 2, "/cache": 1}},
        {"backend_calls": 1, "misses": 1, "backend_calls_by": {"bell": 1}, "not_stored": {"disk full": 1}},
    ]
    assert list(summarize(total_of(parts), verbosity=1))[1:] == [
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


UNDECLARED = "declares no cache_key_extra: its settings are not in the key"
PARTS = [
    {
        "undeclared": {"Mine": 1},
        "model_ends": {"acme: the model m1 ends": 1},
        "troubles": {"plugin x raised": 1},
    },
    {"hits": 1, "hit_characters": 5, "hit_seconds": 2.0, "hits_by": {"acme": 1}},
]
NOTES = Notes(
    setup="backend acme",
    unseen="a plugin ran 1 test",
    notices=["RUSSO_MODE has no effect"],
    other_settings="1 prompt is stored with other settings",
    details=["1 marker has no effect"],
)


def lines_after_the_counts(*, verbosity):
    lines = list(summarize(total_of(PARTS), NOTES, verbosity=verbosity))
    assert lines[0] == "russo: 1 hit (5 characters, 2 s of speech), 0 backend calls"
    return [line.removeprefix("russo: ") for line in lines[1:]]


def test_five_lines_at_most_follow_the_counts_and_one_that_counts_the_others():
    assert lines_after_the_counts(verbosity=0) == [
        "backend acme",
        "plugin x raised",
        "a plugin ran 1 test",
        "RUSSO_MODE has no effect",
        "1 prompt is stored with other settings",
        "2 more lines with -v",
    ]


def test_verbose_shows_all_lines_in_the_same_order():
    assert lines_after_the_counts(verbosity=1) == [
        "backend acme",
        "backend acme: 1 hit, 0 backend calls",
        "plugin x raised",
        "a plugin ran 1 test",
        "RUSSO_MODE has no effect",
        "1 prompt is stored with other settings",
        f"Mine {UNDECLARED}",
        "acme: the model m1 ends",
        "1 marker has no effect",
    ]


def test_quiet_shows_what_may_be_wrong_with_the_counts_only():
    assert lines_after_the_counts(verbosity=-1) == [
        f"Mine {UNDECLARED}",
        "acme: the model m1 ends",
        "plugin x raised",
        "a plugin ran 1 test",
    ]


def test_five_lines_need_no_line_that_counts_the_others():
    lines = list(summarize(total_of([{"troubles": {f"plugin {n} raised": 1 for n in range(5)}}])))
    assert lines[1:] == [f"russo: plugin {n} raised" for n in range(5)]
    lines = list(summarize(total_of([{"troubles": {f"plugin {n} raised": 1 for n in range(6)}}])))
    assert lines[5:] == ["russo: plugin 4 raised", "russo: 1 more line with -v"]


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ({"local": 3}, "3 backend calls to local (58 characters)"),
        ({"Mine": 1, "google": 2}, "3 backend calls to google (2) and Mine (1) (58 characters)"),
        ({"a": 1, "b": 1, "c": 1}, "3 backend calls to a (1), b (1) and c (1) (58 characters)"),
        (
            {"a": 1, "b": 1200, "c": 1, "d": 1, "e": 1},
            "1,204 backend calls to b (1,200), a (1), c (1) and 2 more (58 characters)",
        ),
    ],
)
def test_the_backends_that_were_called_are_named_but_not_with_q(calls, words):
    number = sum(calls.values())
    parts = [{"backend_calls_by": calls, "backend_calls": number, "misses": number, "backend_characters": 58}]
    assert next(summarize(total_of(parts))) == f"russo: 0 hits, {words}"
    assert next(summarize(total_of(parts), verbosity=1)) == f"russo: 0 hits, {words}"
    quiet = f"russo: 0 hits, {number:,} backend calls (58 characters)"
    assert next(summarize(total_of(parts), verbosity=-1)) == quiet
