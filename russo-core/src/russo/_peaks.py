"""The loudness of a sound over time, which the report and the command draw as a waveform."""

import array
import itertools
import sys


def peaks(samples: bytes, number: int) -> list[int]:
    """Return the loudest sample of each of ``number`` equal pieces of a sound, 0 to 32768.

    Args:
        samples: Signed 16-bit little-endian samples.
        number: How many pieces. A sound with fewer samples gives one piece for each sample.
    """
    values = array.array("h", samples)
    if sys.byteorder == "big":
        values.byteswap()
    ends = [len(values) * piece // number for piece in range(number + 1)]
    pieces = [values[start:end] for start, end in itertools.pairwise(ends) if start < end]
    return [max(abs(max(piece)), abs(min(piece))) for piece in pieces]
