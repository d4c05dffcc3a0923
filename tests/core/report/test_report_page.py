"""``--russo-report``: how the page shows prompts, audio and text."""

import io
import re
import wave

import pytest

from support.projects import summary
from support.report import decode_audio, run_with_report


def test_card_shows_prompt_backend_voice_length_and_tests(project):
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello there")
        def test_two(russo_say): russo_say("Hello there"); russo_say("Hello there")
        """
    )
    result, page = run_with_report(project)
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


def test_page_of_a_second_run_shows_only_hits(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    run_with_report(project)
    _, page = run_with_report(project)
    assert [card["state"] for card in page.cards] == ["hit"]


def test_audio_is_embedded_once_as_16_bit_wav(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(5))
        def test_it(russo_say, number): russo_say("Hello")
        """
    )
    _, page = run_with_report(project)
    assert page.html.count("data:audio/") == 1
    kind, data = decode_audio(page.cards[0])
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
    _, page = run_with_report(project)
    assert page.html.count("data:audio/") == 1
    assert page.card("One")["same"] is None
    assert page.card("Two")["same"] == "audio-1"


@pytest.mark.parametrize("kind", ["ulaw", "alaw", "wav", "pcm"])
def test_uncompressed_formats_have_a_waveform_and_are_embedded_as_wav(project, kind):
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
    _, page = run_with_report(project)
    kind, data = decode_audio(page.cards[0])
    assert kind == "data:audio/wav"
    with wave.open(io.BytesIO(data)) as file:
        assert file.getsampwidth() == 2
    assert page.cards[0]["wave"].count("M") == 120


def test_compressed_audio_is_embedded_unchanged_without_a_waveform(project):
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
    _, page = run_with_report(project)
    assert decode_audio(page.cards[0]) == ("data:audio/mpeg", b"not really mp3")
    assert "wave" not in page.cards[0]


def test_waveform_follows_the_loudness_of_the_audio(project):
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
    _, page = run_with_report(project)
    bars = re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", page.cards[0]["wave"])
    assert bars == [("1.00", "1.00")] * 60 + [("0.50", "1.50")] * 60


def test_different_audio_of_a_prompt_that_is_not_stored_is_shown_each_time(project):
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
    _, page = run_with_report(project, "--russo-no-cache")
    assert len({card["audio"] for card in page.cards}) == 40
    assert all(card["audio"] and card["wave"] for card in page.cards)
    assert not (project.path / ".russo_cache").exists()


def test_audio_of_a_cache_deleted_before_the_end_is_on_the_page(project):
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
    _, page = run_with_report(project)
    assert page.cards[0]["audio"]


def test_entry_replaced_during_the_run_has_no_player(project):
    project.tests(
        """
        from russo import Audio

        def test_altered(russo_say, russo_cache):
            russo_say("Hello")
            (key,) = russo_cache.stored_keys()
            russo_cache.put(key, Audio(b"other bytes!", "pcm"))
        """
    )
    _, page = run_with_report(project)
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
def test_hostile_text_is_escaped(project, text):
    project.tests(f"def test_it(russo_say): russo_say({text!r})")
    _, page = run_with_report(project)
    assert page.card(text)
    assert page.html.count("<script>") == 1
    assert page.html.count("</script>") == 1


IMPOSSIBLE = [("a\ud800b", "a\\ud800b"), ("a\x00b\x1b", "a\u2400b\u241b"), ("a\r\nb\rc", "a\nb\u240dc")]


@pytest.mark.parametrize(("text", "shown"), IMPOSSIBLE)
def test_characters_that_html_cannot_contain_are_replaced(project, text, shown):
    project.tests(f"def test_it(russo_say): russo_say({text!r})")
    _, page = run_with_report(project)
    assert page.card(shown)


def test_characters_that_html_cannot_contain_are_replaced_with_workers(project):
    tests = [f"def test_{at}(russo_say): russo_say({text!r})" for at, (text, _) in enumerate(IMPOSSIBLE)]
    project.tests("\n".join(tests))
    _, page = run_with_report(project, "-n", "1", subprocess=True)
    assert sorted(card["prompt"] for card in page.cards) == sorted(shown for _, shown in IMPOSSIBLE)


def test_page_allows_only_its_own_script_and_style_and_loads_nothing(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = run_with_report(project)
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


def test_page_of_a_run_without_prompts_has_a_note(project):
    project.tests("def test_it(): pass")
    result, page = run_with_report(project)
    assert "No prompt was spoken in this run." in page.text
    assert summary(result) == "report written to report.html"


def test_lengths_that_are_not_known_are_counted_not_added(project):
    project.conftest(
        """
        class Packed(Speaker):
            async def synthesize(self, text):
                return Audio(b"\\xff\\xfb" * 100, "mp3") if text == "mp3" else await super().synthesize(text)

        @pytest.fixture
        def russo_synthesizer():
            return Packed()
        """
    )
    project.tests("def test_it(russo_say): russo_say('mp3')")
    _, page = run_with_report(project)
    totals = page.text[: page.text.index("Search")]
    assert "of speech" not in totals
    assert "of unknown length1\n" in totals
    project.tests("def test_it(russo_say): russo_say('mp3'), russo_say('Hello')")
    _, page = run_with_report(project)
    assert "of speech0.1 s\nof unknown length1\n" in page.text
