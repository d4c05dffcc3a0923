"""The waveforms of the page: length as width, loudness relative to the loudest sample."""

import pytest

from russo._report.waveform import Scale


def sound(seconds, peaks=()):
    return {"seconds": seconds, "peaks": list(peaks)}


def scale_of(*lengths):
    return Scale({str(number): sound(seconds) for number, seconds in enumerate(lengths)})


def test_width_is_proportional_to_the_length():
    scale = scale_of(8.0, 2.0, None)
    assert [scale.width(seconds) for seconds in (8.0, 4.0, 2.0, 0.08)] == [100, 50, 25, 1]


@pytest.mark.parametrize(
    ("lengths", "seconds", "is_cut"),
    [([0.5], 2.0, False), ([30.0], 30.0, False), ([3.0, 300.0], 30.0, True), ([], 2.0, False)],
)
def test_scale_has_limits(lengths, seconds, is_cut):
    scale = scale_of(*lengths)
    assert (scale.seconds, scale.is_cut) == (seconds, is_cut)


def test_sound_longer_than_the_scale_has_the_full_width():
    assert scale_of(300.0).width(300.0) == 100


def test_height_is_relative_to_the_loudest_sample_of_the_sound():
    scale = scale_of(2.0)
    loud, quiet = sound(2.0, [0.0, 0.5, 1.0]), sound(2.0, [0.0, 0.005, 0.01])
    assert scale.bars(loud) == scale.bars(quiet) == "0iz"


@pytest.mark.parametrize("peaks", [[0.0] * 4, [1 / 32768] * 4])
def test_silence_is_flat(peaks):
    assert scale_of(2.0).bars(sound(2.0, peaks)) == "0000"


def test_number_of_bars_follows_the_width_and_keeps_the_loudest_sample():
    peaks = [0.1] * 2000
    peaks[1234] = 1.0
    assert len(scale_of(50.0).bars(sound(50.0, peaks))) == 220
    half = scale_of(20.0, 10.0).bars(sound(10.0, peaks))
    assert len(half) == 110
    assert half.count("z") == 1


def test_sound_without_samples_has_no_bars():
    assert scale_of(2.0).bars(sound(2.0)) == ""
