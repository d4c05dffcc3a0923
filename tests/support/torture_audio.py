"""Audio that names its writer, so that a test notices any altered, mixed or foreign byte."""

import hashlib

from russo import Audio

# Only bytes with such a header may be declared as WAV. The header is never read.
_WAV = b"RIFF\0\0\0\0WAVE"
FORMATS = ("wav", "pcm", "mp3", "ogg", "opus", "flac", "aac", "ulaw", "alaw")


def make_audio(key: str, writer: int, serial: int, size: int = 2000) -> Audio:
    """Make the audio of one put of a writer: bytes, format and rate differ from those of every other put."""
    head = f"{key} {writer} {serial} {size}\n".encode()
    body = hashlib.shake_128(head).digest(size)
    form = FORMATS[(4 * writer + serial) % len(FORMATS)]
    if form == "wav":
        head = _WAV + head
    return Audio(head + body, form, 8000 + 1000 * writer + serial % 900, 1 + writer % 3, 1 + serial % 4)


def writer_of(audio: Audio, key: str) -> tuple[int, int]:
    """Return the writer and the serial number of the audio; fail if the audio is not exactly that of one put."""
    try:
        named, writer, serial, size = audio.data.removeprefix(_WAV).partition(b"\n")[0].decode().split()
        made = make_audio(named, int(writer), int(serial), int(size))
    except ValueError as error:
        raise AssertionError(f"no writer made this audio: {audio}, {audio.data[:40]!r}") from error
    assert named == key, f"audio of key {named} is returned for {key}"
    assert audio == made, f"writer {writer} made {made} for {key}; this is {audio}, altered or mixed"
    return int(writer), int(serial)
