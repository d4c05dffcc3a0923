"""Sound for tests, and what audio must be to be what it says it is."""

from __future__ import annotations

import array
import math
import random
import struct
from collections.abc import Iterator
from typing import Final, Literal

from .. import Audio
from .._wav import Wav, read_wav
from ..authoring import looks_like_text
from ._checks.expect import expect, refuse

_AUDIO: Final = "audio is what it says it is"
_WHY: Final = "it is stored and replayed as it is, to agents that believe its fields"
# How a file of each format begins; an MPEG frame by its eleven set bits (ISO 11172-3, 13818-7).
_STARTS: Final = {"ogg": b"OggS", "opus": b"OggS", "flac": b"fLaC"}
_STREAMINFO_END: Final = 42  # 4 bytes of magic, 4 of the block's header, 34 of it


def speech_pcm(seconds: float = 0.2, rate: int = 24000) -> bytes:
    """Return sound for tests, always the same: a tone in noise, 16-bit little-endian mono."""
    noise = random.Random(7)
    count = round(seconds * rate)
    tone = (math.sin(2 * math.pi * 220 * at / rate) for at in range(count))
    samples = array.array("h", (round(9000 * level + noise.uniform(-3000, 3000)) for level in tone))
    return struct.pack(f"<{count}h", *samples)


def wav(
    samples: bytes,
    rate: int = 24000,
    *,
    channels: int = 1,
    sizes: Literal["true", "streamed", "zero"] = "true",
) -> bytes:
    """Put a 16-bit WAV header before samples; its sizes true, or 0xFFFFFFFF or 0 as streams have them."""
    placeholder = {"true": None, "streamed": 0xFFFFFFFF, "zero": 0}[sizes]
    riff, data = (36 + len(samples), len(samples)) if placeholder is None else (placeholder, placeholder)
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    return struct.pack("<4sI4s4sI16s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, form, b"data", data) + samples


def check_audio(audio: object) -> Audio:
    """Fail the test unless this is audio with sound in it, whose fields tell the truth; return it."""
    if not isinstance(audio, Audio):
        refuse("synthesize returns a russo.Audio", f"{audio!r:.200}", _WHY)
    expect(audio.data, "audio holds bytes", f"{audio!r} without any", "empty audio is never stored")
    match audio.format:
        case "wav":
            _check_wav(audio)
        case "pcm" | "ulaw" | "alaw":
            _check_samples(audio)
        case _:
            _check_compressed(audio)
    duration = audio.duration
    expect(duration is None or duration > 0, "speech takes time", f"a duration of {duration} s", _WHY)
    return audio


def _check_wav(audio: Audio) -> None:
    try:
        found = read_wav(audio.data)
    except ValueError as error:
        refuse(f"{_AUDIO}: format 'wav' is a WAV file", f"{error}, in {audio.data[:16]!r}", _WHY)
    header, fields = (found.sample_rate, found.channels, found.sample_width), _fields(audio)
    expect(
        header == fields,
        f"{_AUDIO}: the fields are those of the header (rate in Hz, channels, bytes per sample)",
        f"fields {fields}, header {header}",
        "an agent that plays at the wrong rate hears another voice, or noise",
    )
    _check_header(audio.data, found)
    _check_sound(audio)


def _check_header(data: bytes, found: Wav) -> None:
    """Check what `read_wav` forgives: sizes that are placeholders, and figures that follow from others."""
    chunks = {name: (place, size) for name, place, size in _chunks(data)}
    riff, size = int.from_bytes(data[4:8], "little") + 8, chunks[b"data"][1]
    expect(
        riff == len(data) and size == len(found.samples),
        f"{_AUDIO}: the header's sizes are true",
        f"{riff} bytes of {len(data)} by the header, {len(found.samples)} of {size} bytes of samples",
        "players stop early or refuse; russo.authoring.wav_audio repairs what services stream",
    )
    rate, align = struct.unpack_from("<IH", data, chunks[b"fmt "][0] + 8)
    right = found.sample_rate * found.frame_size
    expect(
        (rate, align) == (right, found.frame_size),
        f"{_AUDIO}: the header's byte rate and block align follow from its rate, channels and width",
        f"{rate} bytes a second in blocks of {align}, not {right} and {found.frame_size}",
        "players that believe it play at another pace, or noise",
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place of the content and size of each chunk of a WAV file, as its header has it."""
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, place + 8, size
        place += 8 + size + size % 2


def _fields(audio: Audio) -> tuple[int, int, int]:
    return audio.sample_rate, audio.channels, audio.sample_width


def _check_samples(audio: Audio) -> None:
    said = f"{audio.data[:40]!r}"
    expect(not looks_like_text(audio.data), f"{_AUDIO}: samples, not a text", said, _WHY)
    expect(audio.data[:4] != b"RIFF", f"{_AUDIO}: a WAV file has the format 'wav'", said, _WHY)
    _check_sound(audio)


def _check_sound(audio: Audio) -> None:
    try:
        samples = audio.pcm()
    except ValueError as error:
        refuse(f"{_AUDIO}: its samples can be read", error, _WHY)
    expect(
        samples != samples[:2] * (len(samples) // 2),
        "audio is not silent from end to end",
        f"{audio!r}, all samples {int.from_bytes(samples[:2], 'little', signed=True)}",
        "an agent that hears nothing makes a test of nothing; raise NoAudioError or TextRejectedError",
    )


def _check_compressed(audio: Audio) -> None:
    start = audio.data[:16]
    if audio.format in _STARTS:
        true = start.startswith(_STARTS[audio.format])
    else:  # mp3 and aac begin with a tag or with a frame
        true = start[:3] == b"ID3" or start[:4] == b"ADIF" or (start[:1] == b"\xff" and start[1:2] >= b"\xe0")
    expect(true, f"{_AUDIO}: bytes of the format {audio.format!r}", f"{start!r}", _WHY)
    if audio.format == "mp3" or (audio.format == "flac" and len(audio.data) >= _STREAMINFO_END):
        found = (_in_mp3 if audio.format == "mp3" else _in_flac)(audio.data)
        fields = audio.sample_rate, audio.channels
        expect(
            found == fields,
            f"{_AUDIO}: the fields are those of the header (rate in Hz, channels)",
            f"fields {fields}, header {found}",
            _WHY,
        )


def _in_flac(data: bytes) -> tuple[int, int]:
    """Read rate and channels from the 20 and 3 bits of STREAMINFO (RFC 9639, 8.2)."""
    return int.from_bytes(data[18:21], "big") >> 4, (data[20] >> 1 & 7) + 1


def _in_mp3(data: bytes) -> tuple[int, int] | None:
    """Read rate and channels from the first frame (ISO 11172-3, 13818-3), behind a tag (ID3v2.4, 3.1)."""
    start = 0
    if data[:3] == b"ID3":
        start = 10 + sum(
            (byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=False)
        )
    frame = data[start : start + 4]
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] < 0xE0 or frame[2] & 12 == 12:
        return None  # no frame, or one of a rate that is none
    rate = (44100, 48000, 32000)[frame[2] >> 2 & 3]
    return rate >> {3: 0, 2: 1}.get(frame[1] >> 3 & 3, 2), 1 if frame[3] >> 6 == 3 else 2
