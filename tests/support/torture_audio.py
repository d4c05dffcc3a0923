"""Audio that tells who made it, so that one altered, mixed or foreign byte is noticed."""

import hashlib

from russo import Audio

# Only samples with such a header may be called WAV. No header of it is read.
_WAV = b"RIFF\0\0\0\0WAVE"
FORMATS = ("wav", "pcm", "mp3", "ogg", "opus", "flac", "aac", "ulaw", "alaw")


def make_audio(key: str, writer: int, serial: int, size: int = 2000) -> Audio:
    """Make what one writer stores under a key: bytes, format and rate differ from every other put's."""
    head = f"{key} {writer} {serial} {size}\n".encode()
    body = hashlib.shake_128(head).digest(size)
    form = FORMATS[(4 * writer + serial) % len(FORMATS)]
    if form == "wav":
        head = _WAV + head
    return Audio(head + body, form, 8000 + 1000 * writer + serial % 900, 1 + writer % 3, 1 + serial % 4)


def told_by(audio: Audio, key: str) -> tuple[int, int]:
    """Return which writer made the audio and which of his it is; refuse audio that nobody made so."""
    try:
        named, writer, serial, size = audio.data.removeprefix(_WAV).partition(b"\n")[0].decode().split()
        made = make_audio(named, int(writer), int(serial), int(size))
    except ValueError as error:
        raise AssertionError(f"nobody made this audio: {audio}, {audio.data[:40]!r}") from error
    assert named == key, f"audio of key {named} answers for {key}"
    assert audio == made, f"writer {writer} made {made} for {key}; this is {audio}, altered or mixed"
    return int(writer), int(serial)
