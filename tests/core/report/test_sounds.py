"""The sounds of the document: read from the caches, in a form that browsers play, with their peaks."""

import io
import wave

import pytest

from support.report import embedded_audio, prompts_of, run_with_report


def speak(project, source, scope="function"):
    """Make the project speak with the body of `synthesize`."""
    project.conftest(
        f"""
        from russo._wav import write_wav

        class Other(Speaker):
            calls = 0

            async def synthesize(self, text):
                self.calls += 1
                {source}

        @pytest.fixture(scope="{scope}")
        def russo_synthesizer():
            return Other()
        """
    )


def only_sound(document):
    (sound,) = document["audio"].values()
    return sound


def page_audio(project):
    project.run("--russo-report=report.html")
    return embedded_audio((project.path / "report.html").read_text("utf-8"))


def test_equal_audio_of_two_keys_is_one_sound(project):
    speak(project, 'return await super().synthesize("the same")')
    project.tests("def test_it(russo_say): russo_say('One'); russo_say('Two')")
    _, document = run_with_report(project)
    one, two = prompts_of(document, "test_it")
    assert one["key"] != two["key"]
    assert one["audio"] == two["audio"]
    assert list(document["audio"]) == [one["audio"]]


@pytest.mark.parametrize("kind", ["ulaw", "alaw", "wav", "pcm"])
def test_uncompressed_formats_are_wav_of_16_bits_with_peaks(project, kind):
    sound = "bytes(range(256)) * 32"
    data = f"write_wav({sound}, 8000)" if kind == "wav" else sound
    speak(project, f'return Audio({data}, "{kind}", 8000, 1, 2)')
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project)
    facts = only_sound(document)
    ((media_type, data),) = page_audio(project)
    assert facts["media_type"] == media_type == "audio/wav"
    assert facts["bytes"] == len(data)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert facts["seconds"] == file.getnframes() / 8000
    assert len(facts["peaks"]) == round(facts["seconds"] * 40)


def test_samples_of_the_page_are_those_of_the_test(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    ((_, data),) = page_audio(project)
    with wave.open(io.BytesIO(data)) as file:
        samples = file.readframes(file.getnframes())
    assert samples[1::2] == bytes(byte ^ 0x80 for byte in b"aHello" * 100)


def test_compressed_audio_is_unchanged_and_has_no_peaks(project):
    speak(project, 'return Audio(b"not really mp3", "mp3")')
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project)
    assert only_sound(document) == {
        "media_type": "audio/mpeg",
        "bytes": 14,
        "seconds": None,
        "peaks": [],
        "file": None,
        "problem": None,
    }
    assert prompts_of(document, "test_it")[0]["seconds"] is None
    assert page_audio(project) == [("audio/mpeg", b"not really mp3")]


def test_peaks_follow_the_loudness_and_are_not_normalised(project):
    speak(project, 'return Audio(b"\\0\\0" * 4000 + b"\\0\\x20" * 4000, "pcm", 8000, 1, 2)')
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project)
    assert only_sound(document)["peaks"] == [0.0] * 20 + [0.25] * 20


def test_long_sound_has_2000_peaks(project):
    speak(project, 'return Audio(b"\\0\\x20" * 8000 * 60, "pcm", 8000, 1, 2)')
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project)
    assert only_sound(document)["peaks"] == [0.25] * 2000


def test_different_audio_of_a_prompt_that_is_not_stored_is_in_the_report_each_time(project):
    speak(project, 'return Audio(bytes([self.calls]) * 4000, "pcm", 8000, 1, 2)', scope="session")
    project.tests("def test_it(russo_say): [russo_say('Hello') for _ in range(40)]")
    _, document = run_with_report(project, "--russo-no-cache")
    assert len(document["audio"]) == 40
    assert not any(sound["problem"] for sound in document["audio"].values())
    assert not (project.path / ".russo_cache").exists()


def test_audio_of_a_cache_deleted_before_the_end_is_in_the_report(project):
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
    _, document = run_with_report(project)
    assert only_sound(document)["problem"] is None


def test_entry_replaced_during_the_run_has_no_sound(project):
    project.tests(
        """
        from russo import Audio

        def test_altered(russo_say, russo_cache):
            russo_say("Hello")
            (key,) = russo_cache.stored_keys()
            russo_cache.put(key, Audio(b"other bytes!", "pcm"))
        """
    )
    _, document = run_with_report(project)
    sound = only_sound(document)
    assert sound["problem"] == "its audio was removed from the cache, or could not be stored"
    assert (sound["media_type"], sound["bytes"], sound["peaks"]) == (None, 0, [])
    assert page_audio(project)
