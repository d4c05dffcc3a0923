"""`--russo-report`: what is on the page, where it is written and what becomes of it when it cannot be."""

import base64
import io
import re
import sys
import wave
from html.parser import HTMLParser

import pytest

from support.projects import summary

VOID = {"meta", "input", "br", "link", "img"}


class Page(HTMLParser):
    """The page as a reader without scripts has it: its cards, and what each of them says."""

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.cards = []
        self.text = ""
        self.policy = ""
        self._open = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self._open.append((tag, values))
        if values.get("class") == "card":
            self.cards.append({"state": values["data-state"], "backend": values["data-backend"], "tests": []})
        if tag == "audio":
            self.cards[-1]["audio"] = values.get("src")
            self.cards[-1]["same"] = values.get("data-same")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "path" and values.get("id", "").startswith("wave-"):
            self.cards[-1]["wave"] = values["d"]
        if values.get("class", "").startswith("outcome"):
            self.cards[-1]["tests"].append([])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        self.text += data
        tag, values = self._open[-1] if self._open else ("", {})
        kind = (values.get("class") or "").split(" ")[0]
        if tag == "h3":
            self.cards[-1]["prompt"] = self.cards[-1].get("prompt", "") + data
        elif kind in {"problem", "note"}:
            self.cards[-1].setdefault(kind, data)
        elif kind in {"outcome", "how"} or (tag == "bdi" and self._open[-2][1].get("class") == "name"):
            self.cards[-1]["tests"][-1].append(data)

    def card(self, prompt):
        (card,) = (card for card in self.cards if card["prompt"] == prompt)
        return card


def report(project, *args, **options):
    """Run the project's tests with a report, and read it."""
    result = project.run("--russo-report=report.html", *args, **options)
    return result, Page((project.path / "report.html").read_text("utf-8"))


def decoded(card):
    kind, _, data = card["audio"].partition(";base64,")
    return kind, base64.b64decode(data)


def test_card_tells_prompt_backend_voice_length_and_tests(project):
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello there")
        def test_two(russo_say): russo_say("Hello there"); russo_say("Hello there")
        """
    )
    result, page = report(project)
    (card,) = page.cards
    assert card["prompt"] == "Hello there"
    assert card["state"] == "synthesized"
    assert card["backend"] == "speaker"
    assert card["tests"] == [
        ["passed", "test_it.py::test_one", "synthesized"],
        ["passed", "test_it.py::test_two", "hit \N{MULTIPLICATION SIGN} 2"],
    ]
    assert "Voice\na" in re.sub(r"\s*\n\s*|(?<=Voice)", "\n", page.text)
    assert "0.1 s" in page.text  # 1,200 samples at 8,000 Hz
    assert result.outlines.count("russo: report written to report.html") == 1


def test_second_run_is_all_hits(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    report(project)
    _, page = report(project)
    assert [card["state"] for card in page.cards] == ["hit"]


def test_audio_is_embedded_once_and_plays_as_16_bit_wav(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(5))
        def test_it(russo_say, number): russo_say("Hello")
        """
    )
    _, page = report(project)
    assert page.html.count("data:audio/") == 1
    kind, data = decoded(page.cards[0])
    assert kind == "data:audio/wav"
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        samples = file.readframes(file.getnframes())
    assert samples[1::2] == bytes(byte ^ 0x80 for byte in b"aHello" * 100)


def test_equal_audio_of_two_keys_is_embedded_once(project):
    project.conftest(
        """
        class Same(Speaker):
            async def synthesize(self, text):
                return await super().synthesize("the same")

        @pytest.fixture
        def russo_synthesizer():
            return Same()
        """
    )
    project.tests("def test_it(russo_say): russo_say('One'); russo_say('Two')")
    _, page = report(project)
    assert page.html.count("data:audio/") == 1
    assert page.card("One")["same"] is None
    assert page.card("Two")["same"] == "audio-1"


@pytest.mark.parametrize("kind", ["ulaw", "alaw", "wav", "pcm"])
def test_formats_with_samples_have_a_waveform_and_play_as_wav(project, kind):
    project.conftest(
        f"""
        class Other(Speaker):
            async def synthesize(self, text):
                return Audio(SOUND, "{kind}", 8000, 1, 2)

        from russo._wav import write_wav
        SOUND = write_wav(bytes(range(256)) * 32, 8000) if "{kind}" == "wav" else bytes(range(256)) * 32

        @pytest.fixture
        def russo_synthesizer():
            return Other()
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project)
    kind, data = decoded(page.cards[0])
    assert kind == "data:audio/wav"
    with wave.open(io.BytesIO(data)) as file:
        assert file.getsampwidth() == 2
    assert page.cards[0]["wave"].count("M") == 120


def test_compressed_audio_is_embedded_as_it_is_without_a_waveform(project):
    project.conftest(
        """
        class Compressed(Speaker):
            async def synthesize(self, text):
                return Audio(b"not really mp3", "mp3")

        @pytest.fixture
        def russo_synthesizer():
            return Compressed()
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project)
    assert decoded(page.cards[0]) == ("data:audio/mpeg", b"not really mp3")
    assert "wave" not in page.cards[0]


def test_waveform_shows_where_the_sound_is_loud(project):
    project.conftest(
        """
        class Rising(Speaker):
            async def synthesize(self, text):
                quiet, loud = b"\\x00\\x00" * 600, b"\\x00\\x40" * 600
                return Audio(quiet + loud, "pcm", 8000, 1, 2)

        @pytest.fixture
        def russo_synthesizer():
            return Rising()
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project)
    bars = re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", page.cards[0]["wave"])
    assert bars == [("1.00", "1.00")] * 60 + [("0.50", "1.50")] * 60


def test_outcomes_of_tests_are_told_and_what_went_wrong_comes_first(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def broken(russo_say):
            russo_say("Hello")
            yield
            raise RuntimeError("no")

        def test_passed(russo_say): russo_say("Hello")
        def test_failed(russo_say): russo_say("Hello"); assert False
        def test_skipped(russo_say): russo_say("Hello"); pytest.skip("later")
        def test_error(broken): pass
        @pytest.mark.xfail
        def test_expected(russo_say): russo_say("Hello"); assert False
        """
    )
    result, page = report(project)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [(test[0], test[1].partition("::")[2]) for test in page.cards[0]["tests"]] == [
        ("failed", "test_failed"),
        ("error", "test_error"),
        ("passed", "test_passed"),
        ("skipped", "test_skipped"),
        ("xfailed", "test_expected"),
    ]


def test_failed_prompt_tells_why_and_comes_first(project):
    project.conftest(
        """
        class Failing(Speaker):
            async def synthesize(self, text):
                if text == "Bad":
                    raise ValueError("a <b>reason</b>")
                return await super().synthesize(text)

        @pytest.fixture
        def russo_synthesizer():
            return Failing()
        """
    )
    project.tests(
        """
        def test_good(russo_say): russo_say("Good")
        def test_bad(russo_say): russo_say("Bad")
        """
    )
    _, page = report(project)
    assert [(card["prompt"], card["state"]) for card in page.cards] == [
        ("Bad", "failed"),
        ("Good", "synthesized"),
    ]
    assert page.cards[0]["problem"] == "ValueError: a <b>reason</b>"
    assert "audio" not in page.cards[0]
    assert page.cards[0]["tests"] == [["failed", "test_it.py::test_bad", "not spoken"]]


def test_prompt_that_replay_does_not_have_is_a_failed_one(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project, "--russo-cache-mode=replay")
    assert page.cards[0]["state"] == "failed"
    assert page.cards[0]["problem"] == "nothing is stored, and no call was made"


def test_prompt_that_failed_once_and_was_spoken_later_is_one_card(project):
    project.conftest(
        """
        class Second(Speaker):
            tries = 0

            async def synthesize(self, text):
                self.tries += 1
                if self.tries == 1:
                    raise ValueError("not yet")
                return await super().synthesize(text)

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Second()
        """
    )
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello")
        def test_two(russo_say): russo_say("Hello")
        """
    )
    _, page = report(project)
    (card,) = page.cards
    assert card["state"] == "failed"
    assert card["problem"] == "ValueError: not yet"
    assert card["audio"]
    assert [test[2] for test in card["tests"]] == ["not spoken", "synthesized"]


def test_fixture_of_wider_scope_belongs_to_the_test_that_ran_it(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture(scope="session")
        def greeting(russo_synthesizer):
            import asyncio
            return asyncio.run(russo_synthesizer.synthesize("Welcome"))
        """
    )
    project.tests(
        """
        def test_one(greeting): pass
        def test_two(greeting): pass
        """
    )
    _, page = report(project)
    assert page.card("Welcome")["tests"] == [["passed", "test_it.py::test_one", "synthesized"]]


def test_little_audio_that_nothing_stores_is_held_in_memory(project):
    project.tests(
        """
        def test_it(russo_say, request):
            for number in range(40):
                russo_say(f"Prompt {number}")
            assert len(request.config.pluginmanager.get_plugin("russo-report").listener._waiting) == 16
        """
    )
    result, page = report(project, "--russo-no-cache")
    result.assert_outcomes(passed=1)
    assert len({card["audio"] for card in page.cards}) == 40


AHEAD = """
    from russo import Audio

    class Speaker:
        cache_key_extra = {"backend": "acme"}

        async def synthesize(self, text):
            return Audio(text.encode() * 100, "pcm", 8000, 1, 1)
"""


@pytest.mark.parametrize(
    ("arguments", "tests"),
    [
        (["-o", "russo_speak_ahead=2"], [["passed", "test_it.py::test_it", "hit"]]),
        (["--russo-record-only"], []),
    ],
)
def test_prompt_spoken_ahead_belongs_to_no_test_but_the_tests_that_hear_it_are_told(
    project, arguments, tests
):
    project.conftest("")
    project.pytester.makepyfile(acme=AHEAD)
    project.pytester.syspathinsert()
    project.tests(
        """
        import pytest

        @pytest.mark.russo("Hello")
        def test_it(russo_audio): pass
        """
    )
    _, page = report(project, "--russo-synth=acme:Speaker", *arguments)
    (card,) = page.cards
    assert card["state"] == "synthesized"
    assert card["tests"] == [["no test", "spoken outside of tests", "synthesized"], *tests]


def test_call_that_the_budget_refuses_is_a_failed_prompt(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project, "--russo-max-calls=0")
    assert page.cards[0]["state"] == "failed"
    assert page.cards[0]["problem"].startswith("BudgetExceededError: ")


NESTED = """
    @pytest.fixture(scope="session")
    def inner_cache(tmp_path_factory):
        return AudioCache(tmp_path_factory.getbasetemp().parent / "inner")

    @pytest.fixture(scope="session")
    def russo_synthesizer(inner_cache):
        return CachedSynthesizer(Speaker(), cache=inner_cache)

    class Louder:
        cache_key_extra = {"louder": True}
        def __init__(self, inner): self.inner = inner
        async def synthesize(self, text): return await self.inner.synthesize(text + "!")
"""
DECORATED = """
    import pytest
    from conftest import Louder

    @pytest.fixture(scope="session")
    def russo_synthesizer(russo_synthesizer):
        return Louder(russo_synthesizer)

    def test_it(russo_say): russo_say("Hello")
"""


def test_nested_layers_are_one_card_paid_when_the_inner_one_paid(project):
    project.conftest(NESTED)
    project.tests(DECORATED)
    project.pytester.syspathinsert()
    _, page = report(project)
    assert [(card["prompt"], card["state"]) for card in page.cards] == [("Hello", "synthesized")]
    _, page = report(project, "--russo-clear-cache")
    assert project.calls == ["a Hello!"]  # the inner cache has it still
    assert [(card["prompt"], card["state"]) for card in page.cards] == [("Hello", "hit")]


def test_audio_that_nothing_stores_is_on_the_page_each_time_it_differs(project):
    project.conftest(
        """
        class Moody(Speaker):
            calls = 0

            async def synthesize(self, text):
                self.calls += 1
                return Audio(bytes([self.calls]) * 4000, "pcm", 8000, 1, 2)

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Moody()
        """
    )
    project.tests("def test_it(russo_say): [russo_say('Hello') for _ in range(40)]")
    _, page = report(project, "--russo-no-cache")
    assert len({card["audio"] for card in page.cards}) == 40
    assert all(card["audio"] and card["wave"] for card in page.cards)
    assert not (project.path / ".russo_cache").exists()


def test_audio_of_a_cache_that_is_gone_at_the_end_is_on_the_page(project):
    project.conftest(
        """
        import tempfile

        @pytest.fixture
        def russo_cache():
            with tempfile.TemporaryDirectory() as directory:
                yield AudioCache(directory)

        @pytest.fixture
        def russo_synthesizer():
            return Speaker()
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project)
    assert page.cards[0]["audio"]


def test_entry_that_is_another_at_the_end_is_not_played_for_what_the_test_heard(project):
    project.tests(
        """
        from russo import Audio

        def test_altered(russo_say, russo_cache):
            russo_say("Hello")
            (key,) = russo_cache.stored_keys()
            russo_cache.put(key, Audio(b"other bytes!", "pcm"))
        """
    )
    _, page = report(project)
    assert "audio" not in page.cards[0]
    assert page.cards[0]["note"] == "No player: its audio is no longer in the cache, or could not be kept."


HOSTILE = [
    "<script>alert(1)</script>",
    "\"double\" 'single' & &amp; </script><!-- ]]>",
    "{{ 7 * 7 }} {% raw %}",
    "احجز رحلة من برلين \u202eevil",
    "one\ntwo\tthree",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(project, text):
    project.tests(f"def test_it(russo_say): russo_say({text!r})")
    _, page = report(project)
    assert page.card(text)
    assert page.html.count("<script>") == 1
    assert page.html.count("</script>") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\ud800b", "a\\ud800b"), ("a\x00b\x1b", "a\u2400b\u241b"), ("a\r\nb\rc", "a\nb\u240dc")],
)
def test_text_that_html_cannot_hold_is_shown_as_its_picture(project, text, shown):
    project.tests(f"def test_it(russo_say): russo_say({text!r})")
    for workers in ([], ["-n", "1"]):
        _, page = report(project, *workers, subprocess=bool(workers))
        assert page.card(shown)


def test_page_lets_only_its_own_script_and_style_run_and_nothing_load(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = report(project)
    assert re.fullmatch(
        r"default-src 'none'; media-src data:; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; "
        r"base-uri 'none'; form-action 'none'",
        page.policy,
    )
    assert re.findall(r"(?:src|href)=\"(?!data:|#)", page.html) == []
    assert "http:" not in page.html
    assert "https:" not in page.html
    assert " style=" not in page.html
    assert str(project.path) not in page.html


def test_workers_tell_the_controller_which_writes_one_page(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_it(russo_say, number): russo_say(f"Prompt {number % 3}"); assert number != 7
        """
    )
    result, page = report(project, "-n", "3", subprocess=True)
    result.assert_outcomes(passed=11, failed=1)
    assert sorted(card["prompt"] for card in page.cards) == ["Prompt 0", "Prompt 1", "Prompt 2"]
    assert [card["state"] for card in page.cards] == ["synthesized"] * 3
    assert [len(card["tests"]) for card in page.cards] == [4, 4, 4]
    assert page.card("Prompt 1")["tests"][0][0:2] == ["failed", "test_it.py::test_it[7]"]
    assert all(card["audio"] for card in page.cards)
    assert result.outlines.count("russo: report written to report.html") == 1


def test_audio_that_workers_do_not_store_reaches_the_page(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    _, page = report(project, "-n", "2", "--russo-no-cache", subprocess=True)
    assert [bool(card["audio"]) for card in page.cards] == [True] * 4


def test_page_of_a_run_without_prompts_says_so(project):
    project.tests("def test_it(): pass")
    result, page = report(project)
    assert "No prompt was spoken in this run." in page.text
    assert summary(result) == "report written to report.html"


def test_folders_are_made_and_an_older_page_is_replaced(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    target = project.path / "out" / "deep" / "report.html"
    for _ in range(2):
        result = project.run("--russo-report=out/deep/report.html")
        result.stdout.fnmatch_lines(["russo: report written to out/deep/report.html"])
        assert Page(target.read_text("utf-8")).card("Hello")
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_path_that_cannot_be_written_is_told_and_fails_nothing(project):
    (project.path / "file").write_text("mine")
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("--russo-report=file/report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to file/report.html: *exists*"])
    assert (project.path / "file").read_text() == "mine"


def test_page_that_cannot_take_its_place_leaves_nothing_behind(project):
    project.tests(
        """
        from pathlib import Path

        def test_it(russo_say):
            russo_say("Hello")
            Path("report.html").mkdir()
            Path("report.html", "mine").touch()
        """
    )
    result = project.run("--russo-report=report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to report.html: *"])
    assert [path.name for path in project.path.glob("*report*")] == ["report.html"]
    assert [path.name for path in project.path.glob("report.html/*")] == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="no device file to name")
def test_device_is_refused_before_any_test_runs(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("--russo-report=/dev/null")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --russo-report=/dev/null is no regular file; name one*"])


@pytest.mark.parametrize("name", [".", "folder", "folder/", "new/"])
def test_directory_is_refused_before_any_test_runs(project, name):
    (project.path / "folder").mkdir()
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run(f"--russo-report={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --russo-report={name} is a directory; name a file in it*"])
    assert project.calls == []


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures"])
def test_listing_tests_leaves_an_older_page_alone(project, option):
    (project.path / "report.html").write_text("older")
    project.tests("def test_it(russo_say): russo_say('Hello')")
    assert project.run("--russo-report=report.html", option).ret == 0
    assert (project.path / "report.html").read_text() == "older"


def test_run_that_is_interrupted_still_writes_the_page(project):
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello"); raise KeyboardInterrupt
        """
    )
    result, page = report(project, subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert page.card("Hello")["tests"] == [["unfinished", "test_it.py::test_one", "synthesized"]]


def test_run_without_the_option_writes_nothing_and_loads_no_template_engine(project):
    project.tests(
        """
        import sys

        def test_it(russo_say):
            russo_say("Hello")
            assert "russo._plugin.report" not in sys.modules
            assert "jinja2" not in sys.modules
        """
    )
    project.run(subprocess=True).assert_outcomes(passed=1)
    assert not list(project.path.glob("*.html"))
