"""Code that returns wrong audio, and the text that the check of audio prints."""

WRONG_SOUNDS = {
    "no audio": ("return b'RIFF'", "synthesize returns a russo.Audio"),
    "empty": ("return Audio(b'')", "audio holds bytes"),
    "another rate": ("return Audio(sound, sample_rate=16000)", "the fields are those of the header"),
    "placeholder sizes": (
        "return Audio(sound[:4] + b'\\xff' * 4 + sound[8:], sample_rate=8000)",
        "the header's sizes are true",
    ),
    "not WAV": ("return Audio(sound[44:], sample_rate=8000)", "format 'wav' is a WAV file"),
    "another byte rate": (
        "return Audio(sound[:28] + bytes(4) + sound[32:], sample_rate=8000)",
        "the header's byte rate and block align follow",
    ),
    "a constant level": ("return Audio(wav(b'\\1\\0' * 800, 8000), sample_rate=8000)", "all samples 1"),
    "MP3 of another rate": (
        "return Audio((b'\\xff\\xfb\\x90\\0' + bytes(413)) * 9, 'mp3', 8000)",
        "fields (8000, 1), header (44100, 2)",
    ),
    "only an MP3 tag": ("return Audio(b'ID3' + b'x' * 99, 'mp3')", "header None"),
    "one byte of MP3": ("return Audio(b'\\xff', 'mp3')", "bytes of the format 'mp3'"),
    "FLAC of another rate": (
        "return Audio(b'fLaC\\x80\\0\\0\\x22' + bytes(10) + b'\\x0a\\xc4\\x42\\xf0' + bytes(30), 'flac', 8000)",
        "fields (8000, 1), header (44100, 2)",
    ),
    "silence": (
        "return Audio(wav(b'\\0' * 800, 8000), sample_rate=8000)",
        "audio is not silent from end to end",
    ),
    "dither": (
        "return Audio(wav(b'\\1\\0\\xff\\xff' * 800, 8000), sample_rate=8000)",
        "all samples about 1",
    ),
    "A-law idle": ("return Audio(b'\\xd5' * 800, 'alaw', 8000)", "all samples 8"),
    "A-law idle of both signs": ("return Audio(b'\\xd5U' * 800, 'alaw', 8000)", "all samples about 8"),
    "MP3 as samples": (
        "return Audio(b'\\xff\\xfb\\x90\\0'.ljust(417) * 10, 'pcm')",
        "MP3 as samples",
    ),
    "MP3 in WAV": (
        "return Audio(wav(b'\\xff\\xfb\\x90\\0'.ljust(417) * 10, 8000), sample_rate=8000)",
        "MP3 as samples",
    ),
    "half a sample": ("return Audio(b'abc', 'pcm')", "its samples can be read"),
    "a page": ("return Audio(b'<html>Sorry, no!', 'pcm')", "samples, not a text"),
    "WAV as samples": ("return Audio(sound, 'pcm')", "a WAV file has the format 'wav'"),
    "WAV as MP3": ("return Audio(sound, 'mp3')", "bytes of the format 'mp3'"),
    "WAV as Ogg": ("return Audio(sound, 'ogg')", "bytes of the format 'ogg'"),
}
