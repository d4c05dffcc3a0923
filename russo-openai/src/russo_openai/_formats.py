"""The audio of ``/v1/audio/speech``: WAV, or bare samples for servers without WAV.

MP3 is not decoded: half an MP3 file decodes without complaint, so a truncated reply could not be recognized.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from russo.authoring import container_of, pcm_audio, wav_audio

if TYPE_CHECKING:
    from russo import Audio

FORMATS: Final = ("wav", "pcm")
# OpenAI's values, used if the content type does not name them.
_RATE: Final = 24000
_CHANNELS: Final = 1
_RATES: Final = (8000, 192000)
_MOST_CHANNELS: Final = 2
# Types of 16-bit samples, or of bytes of any kind. Each other type names a format that is not samples, or
# samples of another kind, such as the G.711 of audio/pcmu.
_BARE: Final = re.compile(
    r"(application|binary)/octet-stream|audio/(x-)?(raw|l16|linear16|s16le|pcm([-_]?(16|s16le))?)",
    re.IGNORECASE,
)


class OtherFormatError(ValueError):
    """The bytes or the content type of the reply show another format than the requested one."""


def read_audio(data: bytes, response_format: str, content_type: str) -> Audio:
    """Return the audio of a reply.

    Args:
        data: The body.
        response_format: The requested format.
        content_type: The reply's, which may give the rate and the channels of bare samples.

    Raises:
        ValueError: The body is not this format, cut short, or silent; or no speech has its rate or channels.
    """
    if response_format == "wav":
        return wav_audio(data)
    if (container := container_of(data)) is not None:
        raise OtherFormatError(f"{container} instead of bare samples: it starts with {data[:4]!r}")
    _check_type(content_type, data)
    rate, channels = _parameter(content_type, "rate", _RATE), _parameter(content_type, "channels", _CHANNELS)
    if not _RATES[0] <= rate <= _RATES[1]:
        raise ValueError(f"a rate of {rate} Hz; {_RATES[0]} to {_RATES[1]} Hz is plausible")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise ValueError(f"{channels} channels; 1 or {_MOST_CHANNELS} is plausible")
    return pcm_audio(data, rate, channels=channels)


def _check_type(content_type: str, data: bytes) -> None:
    """Refuse a content type that names another format than bare samples; many servers send none."""
    named = content_type.partition(";")[0].strip()
    if named and _BARE.fullmatch(named) is None:
        start = f"it starts with {data[:40]!r}"
        raise OtherFormatError(f"the content type is {named!r}, not that of bare 16-bit samples; {start}")


def _parameter(content_type: str, name: str, default: int) -> int:
    found = re.search(rf';\s*{name}\s*=\s*"?([0-9]{{1,18}})\b', content_type, re.IGNORECASE)
    return int(found[1]) if found else default
