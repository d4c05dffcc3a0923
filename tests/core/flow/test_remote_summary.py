import pytest

from russo._flow.remote_summary import adopted_entries
from russo._flow.summary import Notes, summarize
from russo._statistics import Counts, RemoteNote

URL = "s3://team/voice"
HITS = {"hits": 20, "hit_characters": 300, "hit_seconds": 40.0}


def lookups(number, outcome, reason="", pinned=None, url=URL):
    return {RemoteNote("lookup", url, outcome, reason, pinned).text: number}


def uploads(number, outcome, reason="", url=URL):
    return {RemoteNote("upload", url, outcome, reason).text: number}


def lines(*notes, verbosity=0, **counts):
    """Return the lines of a summary, without 'russo: '."""
    remote = {text: number for note in notes for text, number in note.items()}
    total = Counts.from_json({**counts, "remote": remote})
    return [line.removeprefix("russo: ") for line in summarize(total, verbosity=verbosity)]


@pytest.mark.parametrize(
    ("notes", "counts", "line"),
    [
        (
            [lookups(8, "hit")],
            HITS,
            f"20 hits (300 characters, 40 s of speech, 8 from {URL}), 0 backend calls",
        ),
        (
            [lookups(8, "hit"), lookups(1200, "hit", url="file:///a"), lookups(4, "absent")],
            {**HITS, "hits": 2000},
            f"2,000 hits (300 characters, 40 s of speech, 1,200 from file:///a, 8 from {URL}), "
            "0 backend calls",
        ),
        (
            [lookups(1, "hit")],
            {"backend_calls": 1, "backend_characters": 3},
            f"0 hits, 1 entry from {URL}, 1 backend call (3 characters)",
        ),
        (
            [lookups(100, "hit")],
            HITS,
            f"20 hits (300 characters, 40 s of speech), 100 entries from {URL}, 0 backend calls",
        ),
        (
            [lookups(3, "absent"), uploads(3, "uploaded"), uploads(1, "exists")],
            {"backend_calls": 4, "backend_characters": 60},
            f"0 hits, 4 backend calls (60 characters), 3 uploaded to {URL}",
        ),
    ],
)
@pytest.mark.parametrize("verbosity", [0, -1])
def test_counts_name_what_came_from_a_store_and_went_to_it(notes, counts, line, verbosity):
    assert lines(*notes, verbosity=verbosity, **counts) == [line]


TROUBLE = {
    "skipped": (
        [lookups(16, "skipped", "timed out"), lookups(1, "failed", "timed out")],
        "17 lookups skipped (timed out)",
    ),
    "two reasons": (
        [lookups(2, "failed", "timed out"), lookups(1, "failed", "it was reset")],
        "3 lookups skipped (timed out; it was reset)",
    ),
    "many reasons": (
        [lookups(9 - number, "failed", f"reason {number}") for number in range(5)],
        "35 lookups skipped (reason 0; reason 1; reason 2; and 2 more reasons)",
    ),
    "damaged": ([lookups(1, "damaged", "it is cut")], "1 damaged entry"),
    "refused": ([lookups(2, "refused", "x")], "2 entries refused, because russo.lock pins other audio"),
    "not uploaded": (
        [uploads(38, "failed", "timed out"), uploads(5, "uploaded")],
        "38 entries not uploaded (timed out)",
    ),
    "all": (
        [lookups(17, "skipped", "timed out"), uploads(1, "skipped", "timed out")],
        "17 lookups skipped, 1 entry not uploaded (timed out)",
    ),
    "other reasons of uploads": (
        [
            lookups(17, "skipped", "timed out"),
            uploads(1, "skipped", "timed out"),
            uploads(2, "failed", "full"),
        ],
        "17 lookups skipped (timed out), 3 entries not uploaded (full; timed out)",
    ),
}


@pytest.mark.parametrize("verbosity", [0, -1, -2])
@pytest.mark.parametrize(("notes", "facts"), TROUBLE.values(), ids=list(TROUBLE))
def test_trouble_is_one_line_for_each_store(notes, facts, verbosity):
    assert lines(*notes, verbosity=verbosity)[1:] == [f"remote {URL}: {facts}"]


def test_a_store_without_trouble_has_no_line():
    assert len(lines(lookups(5, "hit"), lookups(5, "absent"), uploads(5, "exists"))) == 1


@pytest.mark.parametrize(
    ("notes", "is_reported"),
    [
        ([lookups(100, "absent")], True),
        ([lookups(60, "absent"), lookups(40, "damaged", "it is cut")], True),
        ([lookups(99, "absent"), lookups(99, "skipped", "timed out")], False),
        ([lookups(500, "absent"), lookups(1, "hit")], False),
        ([lookups(500, "absent"), uploads(500, "uploaded")], False),
    ],
    ids=["absent", "damaged", "too few", "a hit", "the first run that writes"],
)
def test_a_store_that_never_has_an_entry_is_reported(notes, is_reported):
    sentence = (
        f"remote {URL}: 0 hits in 100 lookups; check that the URL and the settings of the backend are "
        "those of the runs that write"
    )
    found = [line for line in lines(*notes) if "0 hits in " in line]
    assert found == ([sentence] if is_reported else [])


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, f"1 entry from {URL} is not in russo.lock; pin it with: russo cache lock"),
        (1200, f"1,200 entries from {URL} are not in russo.lock; pin them with: russo cache lock"),
    ],
)
def test_hits_that_are_not_pinned_are_counted(number, sentence):
    notes = [lookups(number, "hit", pinned=False), lookups(7, "hit", pinned=True), lookups(1, "absent")]
    assert lines(*notes, hits=number + 7)[1:] == [sentence]
    assert len(lines(lookups(number, "hit"), hits=number)) == 1  # there is no lock file


def test_verbose_has_all_numbers_of_each_store():
    notes = [
        *(lookups(8, "hit"), lookups(4, "absent"), lookups(1, "damaged", "it is cut")),
        *(lookups(2, "skipped", "timed out"), lookups(1, "failed", "timed out")),
        *(uploads(3, "uploaded"), uploads(1, "exists"), uploads(1, "failed", "timed out")),
        lookups(1, "refused", "x", url="file:///a"),
    ]
    verbose = lines(*notes, verbosity=1, **HITS)
    assert verbose[1:3] == [
        "remote file:///a: 1 lookup (1 refused)",
        f"remote {URL}: 16 lookups (8 found, 4 absent, 1 damaged, 3 skipped), "
        "5 uploads (3 uploaded, 1 already there, 1 failed)",
    ]


def test_trouble_comes_before_settings_and_hints():
    notes = Notes(unseen="unseen", notices=["notice"], other_settings="other")
    total = Counts.from_json(
        {
            "hits": 1,
            "troubles": {"hook raised": 1},
            "remote": lookups(1, "skipped", "timed out") | lookups(1, "hit", pinned=False),
        }
    )
    found = [line.removeprefix("russo: ") for line in summarize(total, notes)][1:]
    assert [line.partition(" ")[0] for line in found] == ["hook", "remote", "unseen", "1", "notice", "1"]
    assert found[-1] == "1 more line with -v"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, f"1 entry of this run replaced by that of {URL}, because another machine stored it first"),
        (
            1200,
            f"1,200 entries of this run replaced by those of {URL}, because another machine stored them first",
        ),
    ],
)
def test_adopted_entries_are_counted(number, sentence):
    assert list(adopted_entries({URL: number})) == [sentence]


def test_texts_of_a_store_are_foreign():
    url, reason = "s3://a\x1b[31m\nb" + "x" * 5000, "it\x1b]0;title\x07 is\r\n down" * 50
    found = lines(
        *(lookups(1, "hit", pinned=False, url=url), lookups(1, "failed", reason, url=url)),
        *(uploads(1, "uploaded", url=url), uploads(1, "failed", reason, url=url)),
        verbosity=1,
        hits=1,
    )
    found += adopted_entries({url: 1})
    assert len(found) == 5
    assert all(line.isprintable() and len(line) <= 1000 for line in found)
