"""Peaks: the loudest sample of each piece of the audio."""

import struct

import pytest

from russo._peaks import peaks


def pcm(*samples):
    return struct.pack(f"<{len(samples)}h", *samples)


@pytest.mark.parametrize(
    ("samples", "number", "expected"),
    [
        ((1, -5, 3, 2, 0, -7), 3, [5, 3, 7]),
        ((-32768, 32767), 2, [32768, 32767]),
        ((4, -6), 120, [4, 6]),
        ((1, 2, 9, 3, 4), 2, [2, 9]),
        ((), 4, []),
    ],
)
def test_peak_of_each_piece_is_its_loudest_sample(samples, number, expected):
    assert peaks(pcm(*samples), number) == expected
