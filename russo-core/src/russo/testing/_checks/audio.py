"""Check that audio matches its fields and is not silent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from ... import Audio
from ..._audio import wav_of
from ..._samples import is_silent
from ..._wav import Wav, read_wav
from ...authoring import container_of, looks_like_text
from .expect import expect, refuse

_TRUE_FIELDS: Final = "the fields of the audio match its data"
_WHY: Final = "audio is stored and replayed unchanged, and agents rely on its fields"
# The first bytes of each format. An MPEG frame begins with eleven set bits (ISO 11172-3, 13818-7).
_FIRST_BYTES: Final = {"ogg": b"OggS", "opus": b"OggS", "flac": b"fLaC"}
_FLAC_HEADER_BYTES: Final = 42  # 4 bytes of magic, 4 of the block's header, 34 of STREAMINFO


def check_audio(audio: object) -> Audio:
    """Return the audio; fail the test if it is not audio, is silent, or its fields do not match its data."""
    if not isinstance(audio, Audio):
        refuse("synthesize returns a russo.Audio", f"{audio!r:.200}", _WHY)
    expect(audio.data, "audio holds bytes", f"{audio!r} without data", "empty audio is never stored")
    match audio.format:
        case "wav":
            _check_wav(audio)
        case "pcm" | "ulaw" | "alaw":
            _check_samples(audio)
        case _:
            _check_compressed(audio)
    duration = audio.known_duration
    expect(
        duration is None or duration > 0,
        "speech has a duration of more than 0 s",
        f"a duration of {duration} s",
        _WHY,
    )
    return audio


def _check_wav(audio: Audio) -> None:
    try:
        found = read_wav(audio.data)
    except ValueError as error:
        refuse(f"{_TRUE_FIELDS}: format 'wav' is a WAV file", f"{error}, in {audio.data[:16]!r}", _WHY)
    header, fields = (found.sample_rate, found.channels, found.sample_width), _fields(audio)
    expect(
        header == fields,
        f"{_TRUE_FIELDS}: the fields are those of the header (rate in Hz, channels, bytes per sample)",
        f"fields {fields}, header {header}",
        "at the wrong rate an agent gets another voice, or noise",
    )
    _check_header(audio.data, found)
    _check_sound(audio)


def _check_header(data: bytes, found: Wav) -> None:
    """Check what `read_wav` accepts in a header: placeholder sizes, and a wrong byte rate or block align."""
    chunks = {name: (offset, size) for name, offset, size in _chunks(data)}
    riff, size = int.from_bytes(data[4:8], "little") + 8, chunks[b"data"][1]
    expect(
        riff == len(data) and size == len(found.samples),
        f"{_TRUE_FIELDS}: the header's sizes are true",
        f"{riff} bytes of {len(data)} by the header, {len(found.samples)} of {size} bytes of samples",
        "players stop early or refuse the file; russo.authoring.wav_audio repairs the WAV that "
        "services stream",
    )
    rate, align = struct.unpack_from("<IH", data, chunks[b"fmt "][0] + 8)
    right_rate = found.sample_rate * found.frame_size
    expect(
        (rate, align) == (right_rate, found.frame_size),
        f"{_TRUE_FIELDS}: the header's byte rate and block align follow from its rate, channels and width",
        f"{rate} bytes a second in blocks of {align}, not {right_rate} and {found.frame_size}",
        "players that rely on them play at the wrong speed, or noise",
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk of a WAV file: its name, the offset of its content and the size in its header."""
    offset = 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        yield name, offset + 8, size
        offset += 8 + size + size % 2


def _fields(audio: Audio) -> tuple[int, int, int]:
    return audio.sample_rate, audio.channels, audio.sample_width


def _check_samples(audio: Audio) -> None:
    seen = f"{audio.data[:40]!r}"
    expect(not looks_like_text(audio.data), f"{_TRUE_FIELDS}: samples, not a text", seen, _WHY)
    expect(audio.data[:4] != b"RIFF", f"{_TRUE_FIELDS}: a WAV file has the format 'wav'", seen, _WHY)
    _check_sound(audio)


def _check_sound(audio: Audio) -> None:
    try:
        wav, samples = wav_of(audio), audio.pcm()
    except ValueError as error:
        refuse(f"{_TRUE_FIELDS}: its samples can be read", error, _WHY)
    container = container_of(wav.samples)
    expect(container is None, f"{_TRUE_FIELDS}: samples, not a file", f"{container} as samples", _WHY)
    first = int.from_bytes(samples[:2], "little", signed=True)
    is_constant = samples == samples[:2] * (len(samples) // 2)
    expect(
        not is_constant and not is_silent(samples, wav),
        "audio is not silent from end to end",
        f"{audio!r}, all samples {'' if is_constant else 'about '}{first}",
        "a test with silent audio tests nothing; raise NoAudioError or TextRejectedError",
    )


def _check_compressed(audio: Audio) -> None:
    start = audio.data[:16]
    if audio.format in _FIRST_BYTES:
        matches = start.startswith(_FIRST_BYTES[audio.format])
    else:  # mp3 and aac begin with a tag or with a frame
        matches = (
            start[:3] == b"ID3" or start[:4] == b"ADIF" or (start[:1] == b"\xff" and start[1:2] >= b"\xe0")
        )
    expect(matches, f"{_TRUE_FIELDS}: bytes of the format {audio.format!r}", f"{start!r}", _WHY)
    if audio.format == "mp3" or (audio.format == "flac" and len(audio.data) >= _FLAC_HEADER_BYTES):
        found = (_mp3_fields if audio.format == "mp3" else _flac_fields)(audio.data)
        fields = audio.sample_rate, audio.channels
        expect(
            found == fields,
            f"{_TRUE_FIELDS}: the fields are those of the header (rate in Hz, channels)",
            f"fields {fields}, header {found}",
            _WHY,
        )


def _flac_fields(data: bytes) -> tuple[int, int]:
    """Return rate and channels: 20 and 3 bits of STREAMINFO (RFC 9639, 8.2)."""
    return int.from_bytes(data[18:21], "big") >> 4, (data[20] >> 1 & 7) + 1


def _mp3_fields(data: bytes) -> tuple[int, int] | None:
    """Return rate and channels of the first frame (ISO 11172-3, 13818-3), after a tag (ID3v2.4, 3.1) if any.

    ``None`` if a frame is missing or its rate is the reserved value.
    """
    start = 0
    if data[:3] == b"ID3":
        start = 10 + sum(
            (byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=False)
        )
    frame = data[start : start + 4]
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] < 0xE0 or frame[2] & 12 == 12:
        return None
    rate = (44100, 48000, 32000)[frame[2] >> 2 & 3]
    return rate >> {3: 0, 2: 1}.get(frame[1] >> 3 & 3, 2), 1 if frame[3] >> 6 == 3 else 2
