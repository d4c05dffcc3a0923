"""Which parts of a sound are voiced."""

import pytest

from russo_agents._call.voice import levels_of, stretches_of, voiced_span
from support.agents.scripted import prompt, silence, tone


def voiced_stretches(pcm, sample_rate):
    return stretches_of(levels_of(pcm, sample_rate), sample_rate)


def spans(audio):
    return [(part.start, part.end) for part in voiced_stretches(audio.pcm(), audio.sample_rate)]


def test_silence_around_speech_is_not_voiced():
    assert spans(prompt(-0.3, 1.0, -0.47)) == [pytest.approx((0.3, 1.3), abs=0.006)]


def test_gap_between_words_does_not_divide_speech():
    assert spans(prompt(0.5, -0.15, 0.5)) == [pytest.approx((0.0, 1.15), abs=0.006)]


def test_pause_divides_speech():
    assert spans(prompt(0.5, -0.2, 0.5)) == [
        pytest.approx((0.0, 0.5), abs=0.006),
        pytest.approx((0.7, 1.2), abs=0.006),
    ]


def test_silence_has_no_voiced_part():
    assert spans(prompt(-1.0)) == []


def test_quiet_recording_has_voiced_parts():
    pcm = silence(0.2) + tone(0.5, level=200) + silence(0.2)
    (part,) = voiced_stretches(pcm, 16000)
    assert (part.start, part.end) == pytest.approx((0.2, 0.7), abs=0.006)


def test_noise_around_loud_speech_is_not_voiced():
    pcm = tone(0.3, level=200) + tone(0.5, level=8000) + tone(0.3, level=200)
    (part,) = voiced_stretches(pcm, 16000)
    assert (part.start, part.end) == pytest.approx((0.3, 0.8), abs=0.006)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 24000, 48000])
def test_times_do_not_depend_on_the_rate(rate):
    (part,) = voiced_stretches(silence(0.3, rate=rate) + tone(0.5, rate=rate), rate)
    assert (part.start, part.end) == pytest.approx((0.3, 0.8), abs=0.006)


@pytest.mark.parametrize("rate", [11025, 22050, 44100])
def test_times_do_not_drift_at_rates_that_do_not_divide(rate):
    pcm = silence(20.0, rate=rate) + tone(0.5, rate=rate)
    (part,) = voiced_stretches(pcm, rate)
    assert (part.start, part.end) == pytest.approx((20.0, 20.5), abs=0.006)
    span = voiced_span(pcm, rate)
    assert (span.start, span.end) == pytest.approx((20.0, 20.5), abs=0.006)


def test_span_of_a_piece_of_a_reply():
    span = voiced_span(silence(0.01) + tone(0.05) + silence(0.02), 16000)
    assert (span.start, span.end) == pytest.approx((0.01, 0.06), abs=0.006)


def test_comfort_noise_of_a_reply_is_silent():
    assert voiced_span(tone(0.5, level=60), 16000) is None  # 55 dB below full scale


def test_empty_sound_is_silent():
    assert voiced_span(b"", 16000) is None
    assert voiced_stretches(b"", 16000) == []
