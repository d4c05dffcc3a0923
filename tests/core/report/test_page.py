"""The page as a view of the document, parsed without running scripts."""

import base64
import copy
import hashlib
import re

import pytest

from russo._report.page import render
from support.report_documents import (
    HOSTILE,
    MISS,
    TRACEBACK,
    Report,
    green_run,
    hostile_run,
    problem,
    red_run,
    speech,
)
from support.report_dom import Page

TIMES = "\N{MULTIPLICATION SIGN}"


def page_of(report):
    text = "".join(render(report.document, report.media))
    return Page(text.encode("utf-8", "backslashreplace").decode())


@pytest.fixture(scope="module")
def red():
    return page_of(red_run())


def test_of(page, name):
    (found,) = (test for test in page.all(".test") if name in test.first("summary").text)
    return found


test_of.__test__ = False


# -- the run


def test_header_has_the_project_and_the_counts_in_the_words_of_the_document(red):
    assert red.one("h1").text == "voice-agent"
    assert red.one(".counts").words == "2 failed, 10 passed, 1 skipped, 1 xfailed, 1 error, 2 rerun in 12.3 s"
    assert red.one("title").words.startswith("2 failed, 10 passed")


@pytest.mark.parametrize(
    ("counts", "color"),
    [
        ({"failed": 1, "passed": 9}, "red"),
        ({"passed": 9, "error": 1}, "red"),
        ({"passed": 9, "xfailed": 1}, "green"),
        ({}, "grey"),
    ],
)
def test_color_of_the_page_follows_the_counts(counts, color):
    report = green_run()
    report.document["counts"] = counts
    assert page_of(report).one("body").classes == [color]


def test_run_without_tests():
    page = page_of(Report())
    assert page.one(".counts").words == "No tests ran in 12.3 s"
    assert [each.words for each in page.all(".empty")][:2] == ["No tests ran.", "The tests used no prompt."]


# -- by test


def test_failed_tests_come_first_and_are_open(red):
    tests = red.one("#by-test").all(".test")
    shown = [(test.first("summary").all(".outcome") or [test])[0].words for test in tests]
    assert shown[:4] == ["failed", "failed", "error", "xfailed"]
    assert ["open" in test for test in tests] == [True] * 3 + [False] * (len(tests) - 3)
    assert [each.words for each in red.all("h3")][:5] == [
        "Failed 2",
        "Errors 1",
        "Failed as expected 1",
        "Passed 5",
        "Skipped 1",
    ]


def test_line_of_a_test_has_outcome_name_prompts_and_seconds(red):
    line = test_of(red, "test_hello").first("summary")
    assert [line.one(part).text for part in (".outcome", ".name", ".size", ".time")] == [
        "passed",
        "tests/test_greeting.py::test_hello",
        "1 prompt",
        "0.4 s",
    ]


@pytest.mark.parametrize("state", ["hit", "synthesized", "failed"])
@pytest.mark.parametrize("outcome", ["passed", "failed", "error", "skipped"])
def test_outcome_of_a_test_does_not_depend_on_its_prompts(outcome, state):
    report = Report()
    report.test(
        "test_it.py::test", outcome, [report.use("Hello", state=state, error="why" * (state == "failed"))]
    )
    (test,) = page_of(report).one("#by-test").all(".test")
    assert [each.text for each in test.all(".outcome")] == [outcome]
    assert outcome in test.classes
    assert not {"passed", "failed", "error", "skipped"} & set(test.classes) - {outcome}


def test_message_is_shown_and_its_traceback_folded(red):
    message = test_of(red, "test_on[").one(".problem")
    assert message.one(".message").text.splitlines() == [
        "AssertionError: assert [] == ['set_light']",
        "",
        "  Right contains one more item: 'set_light'",
    ]
    folded = message.one("details")
    assert "open" not in folded
    assert folded.one("pre").text == TRACEBACK


def test_problem_outside_of_the_call_names_its_phase(red):
    assert test_of(red, "test_teardown").one(".problem").one(".label").text == "In teardown"
    assert test_of(red, "test_on[").one(".problem").all(".label") == []


def test_equal_consecutive_uses_are_one(red):
    uses = test_of(red, "test_on[").all(".use")
    assert [use.one(".prompt").text for use in uses] == [
        "Turn on the kitchen light.",
        "And now tell me everything about the tour of the house, please.",
    ]
    assert f"{TIMES} 3" in uses[0].one(".facts").words
    assert TIMES not in uses[1].one(".facts").words


def test_uses_that_differ_or_are_apart_are_not_merged():
    report = Report()
    one, other = report.use("One"), report.use("Other")
    report.test("test_it.py::test", prompts=[one, other, one, {**one, "state": "synthesized"}])
    uses = page_of(report).all(".use")
    assert [(use.one(".prompt").text, use.one(".state").text) for use in uses] == [
        ("One", "hit"),
        ("Other", "hit"),
        ("One", "hit"),
        ("One", "synthesized"),
    ]


def test_use_shows_backend_voice_settings_and_key(red):
    use = test_of(red, "test_every_room").one(".use")
    assert use.one(".facts").words.startswith("synthesized elevenlabs voice Rachel Settings")
    settings = use.one(".settings")
    assert "open" not in settings
    names = dict(
        zip(
            [each.text for each in settings.all("dt")],
            [each.text for each in settings.all("dd")],
            strict=True,
        )
    )
    key = names.pop("key")
    assert names == {"voice": "Rachel", "stability": "0.5", "model": "eleven_multilingual_v2"}
    assert use.one(".copy")["data-copy"] == key
    assert len(key) == 64


def test_miss_is_explained_once_and_has_the_command_that_records_it(red):
    test = test_of(red, "test_off")
    assert test.text.count("the nearest entry differs in: speed") == 1
    use = test.all(".use")[1]
    assert use.one(".note").text == "No sound: the message of the test explains this."
    assert (
        use.one(".command").one("code").text
        == "pytest --russo-cache-mode=auto tests/test_lights.py::test_off"
    )
    assert use.one(".command").one(".copy")["data-copy"] == use.one("code").text


def test_error_of_a_prompt_is_shown_if_no_message_contains_it():
    report = Report()
    miss = report.use("Hello", state="failed", error=MISS, record="pytest --russo-cache-mode=auto")
    report.test("test_it.py::test", "failed", [miss], problems=[problem("TypeError: 'NoneType' object")])
    assert page_of(report).one(".use").one("pre").text == MISS


def test_earlier_attempts_are_folded_below_the_last_one(red):
    test = test_of(red, "test_wait")
    assert test.one(".size").text == "3 attempts, 1 prompt"
    attempts = test.all(".attempt")
    assert [each.one(".soft").words for each in attempts] == ["1.1 s", "1.1 s"]
    assert [each.first("summary").words for each in attempts] == [
        "Attempt 2 of 3: rerun 1.1 s",
        "Attempt 1 of 3: rerun 1.1 s",
    ]
    assert not any("open" in each for each in attempts)
    assert [each.one(".message").text for each in attempts] == [
        "AssertionError: the agent hung up",
        "AssertionError: the agent said nothing",
    ]
    body = test.text
    assert body.index("hit") < body.index("Attempt 2")


def test_passed_tests_with_nothing_to_show_are_one_folded_list(red):
    quiet = red.one(".quiet")
    assert "open" not in quiet
    assert quiet.first("summary").words == "5 tests that used no prompt passed"
    names = [item.one(".name").text for item in quiet.all("li")]
    assert names == [f"tests/test_math.py::test_sum[{number}]" for number in range(5)]


@pytest.mark.parametrize("part", ["problems", "sections", "attachments", "earlier"])
def test_passed_test_without_prompts_that_has_something_to_show_has_its_own_fold(part):
    report = Report()
    content = {
        "problems": problem("warned"),
        "sections": {"title": "T", "columns": ["c"], "rows": [["r"]], "audio": None},
        "attachments": {"name": "a", "kind": "text", "text": "t"},
        "earlier": {
            "outcome": "rerun",
            "seconds": 1,
            "problems": [],
            "prompts": [],
            "sections": [],
            "attachments": [],
        },
    }
    report.test("test_it.py::test", **{part: [content[part]]})
    page = page_of(report)
    assert len(page.all(".test")) == 1
    assert page.all(".quiet") == []


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped", "xpassed", "unfinished"])
def test_test_that_did_not_pass_is_not_among_those_with_nothing_to_show(outcome):
    report = Report()
    report.test("test_it.py::test", outcome)
    page = page_of(report)
    assert page.one(".test").one(".outcome").text == outcome
    assert page.all(".quiet") == []


def test_skipped_test_keeps_its_reason(red):
    assert test_of(red, "test_slow").one(".message").text == "needs -m slow"


def test_unknown_outcome_comes_last():
    report = green_run()
    report.test("test_it.py::test_new", "postponed", [report.use("Hello")])
    assert page_of(report).all(".group")[-1].one("h3").words == "postponed 1"


def test_sections_and_attachments_are_shown(red):
    test = test_of(red, "test_on[")
    section = test.one(".section")
    assert [each.text for each in section.all("th")] == ["time", "who", "text"]
    assert [each.text for each in section.all("td")][:3] == ["0.0 s", "caller", "Turn on the kitchen light."]
    assert len(section.all(".sound")) == 1
    text, audio, image, file, failed = test.all(".attachment")
    assert text.one("pre").text.startswith("caller: Turn on")
    assert audio.one(".sound")["data-file"] == "reply.wav"
    assert image.one("img")["src"].startswith("data:image/png;base64,")
    assert image.one("img")["alt"] == "screen.png"
    assert file.one("a")["href"].startswith("data:application/octet-stream;base64,")
    assert (file.one("a")["download"], file.one(".soft").text) == ("trace.bin", "2 kB")
    assert failed.one(".note").text == "Not attached: agent.log is larger than 10 MB"


def test_test_has_a_command_and_an_anchor(red):
    test = test_of(red, "test_off")
    anchor = hashlib.sha256(b"tests/test_lights.py::test_off").hexdigest()[:16]
    assert test["id"] == f"test-{anchor}"
    foot = test.one(".foot")
    assert [button.attributes.get("data-copy") or button["data-link"] for button in foot.all("button")] == [
        "pytest --russo-synth=local 'tests/test_lights.py::test_off'",
        f"test-{anchor}",
    ]


def test_prompts_outside_of_tests_are_on_the_page(red):
    outside = red.one("#outside")
    assert [use.one(".prompt").text for use in outside.all(".use")] == ["Warm up."]


# -- by prompt


def cards(page):
    return page.one("#by-prompt").all(".card")


def card(page, prompt):
    (found,) = (each for each in cards(page) if each.one(".prompt").text == prompt)
    return found


def test_prompt_has_each_test_once_with_its_outcome_and_a_link(red):
    tests = card(red, "Turn on the kitchen light.").one(".tests").all("li")
    assert [test.one(".outcome").text for test in tests] == ["failed", "failed"]
    targets = [test.one("a")["href"][1:] for test in tests]
    assert [red.one(f"#{target}").all(".name")[0].text for target in targets] == [
        "tests/test_lights.py::test_on[kitchen]",
        "tests/test_lights.py::test_off",
    ]
    assert card(red, "Turn on the kitchen light.").one(".state").text == f"hit {TIMES} 4"


def test_use_links_to_its_prompt_if_other_tests_used_it(red):
    links = [link["href"] for link in test_of(red, "test_on[").all("a") if link.text == "Used by 2 tests"]
    assert links == ["#" + card(red, "Turn on the kitchen light.")["id"]]


def test_attempts_of_a_test_are_one_test_of_the_prompt(red):
    waited = card(red, "Wait a moment.")
    assert [each.text for each in waited.all(".state")] == [f"synthesized {TIMES} 2", "hit"]
    assert len(waited.one(".tests").all("li")) == 1


def test_failed_prompts_come_first_and_other_prompts_keep_their_order(red):
    prompts = [each.one(".prompt").text for each in cards(red)]
    assert prompts[:4] == [
        "Turn off the bedroom light.",
        "Wrong voice",
        "Hello!",
        "Turn on the kitchen light.",
    ]
    assert card(red, "Turn off the bedroom light.").one("pre").text == MISS


def test_prompt_with_a_failure_comes_first_even_if_another_use_got_audio():
    report = Report()
    sound = report.sound(speech(0.5))
    uses = [
        report.use("Hello", sound),
        report.use("Bye", sound),
        report.use("Bye", state="failed", error="no network"),
    ]
    report.test("test_it.py::test", prompts=uses)
    assert [each.one(".prompt").text for each in cards(page_of(report))] == ["Bye", "Hello"]


def test_prompts_are_grouped_by_key_and_audio():
    report = Report()
    one, other = report.sound(speech(0.5)), report.sound(speech(0.6))
    uses = [
        report.use("Hello", state="failed", error="no network"),
        report.use("Hello", one, state="synthesized"),
        report.use("Hello", other),
        report.use("Hello", one, speed=2),
    ]
    report.test("test_it.py::test", prompts=uses)
    shown = cards(page_of(report))
    assert [[state.text for state in each.all(".state")] for each in shown] == [
        ["failed", "synthesized"],
        ["hit"],
        ["hit"],
    ]
    assert [each.one(".sound")["data-sound"] for each in shown] == [one, other, one]


# -- sounds


def test_each_sound_is_on_the_page_once_after_everything_else():
    report = red_run()
    page = page_of(report)
    assert report.media.asked == list(report.document["audio"])
    assert page.html.count("data:audio/") == len(report.media.asked)
    assert page.html.index("data:audio/") > page.html.index("</script>")
    sources = {source["id"]: source.one("audio")["src"] for source in page.all(".source")}
    for box in page.all(".sound"):
        _, _, data = sources["sound-" + box["data-sound"]].partition(";base64,")
        assert base64.b64decode(data) == report.media.bytes[box["data-sound"]]


def test_page_without_scripts_has_native_players(red):
    assert all(source.tag == "noscript" for source in red.all(".source"))
    assert all({"controls", "src"} <= set(source.one("audio").attributes) for source in red.all(".source"))
    links = [box.one("noscript").one("a")["href"][1:] for box in red.all(".sound")]
    assert set(links) == {source["id"] for source in red.all(".source")}


def test_page_is_made_in_pieces_and_asks_for_one_sound_at_a_time():
    report = red_run()
    pieces = iter(render(report.document, report.media))
    while "data:audio/" not in next(pieces):
        pass
    assert len(report.media.asked) == 1


def test_sound_without_bytes_has_a_note_and_no_player():
    report = green_run()
    name = next(iter(report.document["audio"]))
    report.document["audio"][name]["problem"] = "left out: the page has 256 MiB of audio already"
    page = page_of(report)
    assert name not in report.media.asked
    assert len(page.all(".source")) == 2
    first = page.all(".use")[0]
    assert first.one(".note").text == "No player: left out: the page has 256 MiB of audio already."
    assert first.all(".sound") == first.all(".download") == []


def test_sound_of_unknown_length_says_so():
    report = Report()
    name = report.sound(speech(1))
    report.document["audio"][name] |= {"seconds": None, "peaks": []}
    report.test("test_it.py::test", prompts=[{**report.use("Hello"), "audio": name, "seconds": None}])
    box = page_of(report).all(".sound")[0]
    assert box.one(".clock").words.startswith("unknown length")
    assert (box["data-wave"], "data-seconds" in box) == ("", False)


# -- safety


def test_page_allows_its_own_style_and_script_and_the_sources_of_the_media(red):
    def policy_of(page):
        return next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)

    def digest(element):
        return base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()

    assert policy_of(red) == (
        "default-src 'none'; media-src data:; img-src data:; "
        f"style-src 'sha256-{digest(red.one('style'))}'; script-src 'sha256-{digest(red.one('script'))}'; "
        "base-uri 'none'; form-action 'none'"
    )
    report = green_run()
    report.media.policy = "'self'"
    assert "media-src 'self'; img-src 'self';" in policy_of(page_of(report))


@pytest.mark.parametrize("make", [red_run, hostile_run])
def test_page_loads_nothing_and_has_no_inline_code(make):
    page = page_of(make())
    for element in page.walk():
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in {"src", "href"}:
                assert value.startswith(("data:", "#"))
    assert re.search(r"url\(|@import", page.one("style").text) is None


def shown_as(text):
    """Return the text as an HTML file can contain it."""
    symbols = text.replace("\x00", "\u2400").replace("\x1b", "\u241b").replace("\r", "\u240d")
    return symbols.encode("utf-8", "backslashreplace").decode()


def test_hostile_text_is_text():
    page = page_of(hostile_run())
    assert len(page.all("script")) == len(page.all("style")) == 1
    prompts = {each.text for each in page.all(".prompt")}
    assert prompts == {shown_as(text) for text in HOSTILE}
    for number, text in enumerate(HOSTILE):
        test, seen = test_of(page, f"test_{number}["), shown_as(text)
        assert test.one(".message").text == seen
        assert test.one(".traceback").one("pre").text == seen
        assert {each.text for each in test.all("td")} == {each.text for each in test.all("th")} == {seen}
        assert {button["data-copy"] for button in test.all(".copy") if "data-copy" in button} >= {seen}
        assert test.all(".attachment")[0].one("pre").text == seen


@pytest.mark.parametrize("make", [red_run, green_run, hostile_run])
def test_page_leaves_the_document_unchanged(make):
    report = make()
    before = copy.deepcopy(report.document)
    page_of(report)
    assert report.document == before


@pytest.mark.parametrize(
    ("problem", "label"),
    [
        ({"phase": "setup"}, "In setup"),
        ({"phase": "crash"}, "The worker crashed"),
        ({"phase": "call", "subtest": "[number] (i=1)"}, "Subtest [number] (i=1)"),
        ({"phase": "setup", "subtest": "(i=1)"}, "In setup, subtest (i=1)"),
    ],
)
def test_problem_is_introduced_by_its_phase_and_its_subtest(problem, label):
    report = Report()
    report.test("test_it.py::test", "failed", problems=[{"message": "m", "traceback": "", **problem}])
    assert page_of(report).one(".problem").one(".label").text == label


def test_long_text_has_a_download_and_a_file_without_bytes_says_why():
    report = Report()
    whole = report.file(b"long text", "text/plain", ".txt")
    lost = {"bytes": 9, "media_type": "image/png", "file": None, "problem": "left out: the page is full"}
    report.document["files"]["0.png"] = lost
    attachments = [
        {"name": "log", "kind": "text", "text": "long … text", "media_type": "text/plain", "file": whole},
        {"name": "screen", "kind": "image", "media_type": "image/png", "file": "0.png"},
    ]
    report.test("test_it.py::test", attachments=attachments)
    text, image = page_of(report).all(".attachment")
    assert text.one("pre").text == "long … text"
    assert (text.one("a")["download"], base64.b64decode(text.one("a")["href"].partition(",")[2])) == (
        "log.txt",
        b"long text",
    )
    assert image.one(".note").text == "No download: left out: the page is full."
    assert image.all("img") == image.all("a") == []


def test_section_outside_of_tests_names_its_test():
    report = Report()
    section = {
        "title": "Times",
        "columns": ["a"],
        "rows": [["1"]],
        "audio": None,
        "test": "test_it.py::test_gone",
    }
    report.document["outside"]["sections"].append(section)
    assert page_of(report).one("#outside").one(".note").text == "test_it.py::test_gone"


def test_counts_are_in_the_order_of_pytest():
    report = green_run()
    report.document["counts"] = {"rerun": 1, "error": 2, "passed": 3, "warnings": 1, "failed": 1}
    assert page_of(report).one(".counts").words == "1 failed, 3 passed, 1 warning, 2 errors, 1 rerun in 2.5 s"


def test_error_of_the_collection_is_on_the_page():
    report = Report()
    report.test(
        "tests/test_it.py", "error", problems=[problem("ImportError: no module named 'acme'", "collect")]
    )
    test = page_of(report).one(".test")
    assert test.one(".name").text == "tests/test_it.py"
    assert test.one(".problem").one(".label").text == "In collection"
