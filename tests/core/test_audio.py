import array
import contextlib
import copy
import dataclasses
import hashlib
import io
import math
import pickle
import struct
import sys
import tracemalloc
import wave

import pytest

from russo import Audio, AudioCache
from russo.testing import speech_pcm, wav

COMPRESSED = ("mp3", "ogg", "opus", "flac", "aac")
SAMPLES = speech_pcm(0.5)


def tone(hertz, rate=24000, seconds=0.5):
    waves = (12000 * math.sin(2 * math.pi * hertz * at / rate) for at in range(int(rate * seconds)))
    return array.array("h", map(round, waves)).tobytes()


def loudness(samples):
    """Return the root mean square without the edges, because a filter rings there."""
    values = array.array("h", samples)
    middle = values[len(values) // 10 : -len(values) // 10]
    return math.sqrt(sum(value * value for value in middle) / len(middle))


def open_wav(path):
    with wave.open(str(path)) as file:
        return file.getparams()[:4], file.readframes(file.getnframes())


def test_defaults_are_24_khz_mono_16_bit_wav():
    audio = Audio(b"x")
    assert dataclasses.astuple(audio) == (b"x", "wav", 24000, 1, 2)


def test_fields_are_positional_in_the_documented_order():
    audio = Audio(b"x", "pcm", 8000, 2, 3)
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("pcm", 8000, 2, 3)


def test_value_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Audio(b"x").data = b"y"


def test_equal_values_are_equal_and_hash_alike():
    assert Audio(b"x") == Audio(b"x")
    assert len({Audio(b"x"), Audio(b"x"), Audio(b"x", sample_rate=8000)}) == 2


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_copied_and_unpickled_values_are_equal(duplicate):
    audio = Audio(b"x", "ulaw", 8000, 2, 1)
    assert duplicate(audio) == audio


def test_repr_shows_the_size_and_not_the_bytes():
    assert repr(Audio(b"secret")) == (
        "Audio(<6 bytes>, format='wav', sample_rate=24000, channels=1, sample_width=2)"
    )


@pytest.mark.parametrize("name", ["wav", "pcm", "ulaw", "alaw", *COMPRESSED])
def test_every_listed_format_is_accepted(name):
    assert Audio(b"x", name).format == name


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ({"data": bytearray(b"x")}, TypeError, "Audio.data is bytearray, not bytes"),
        ({"data": memoryview(b"x")}, TypeError, "Audio.data is memoryview"),
        ({"data": "x"}, TypeError, "Audio.data is str"),
        ({"data": None}, TypeError, "Audio.data is NoneType"),
        ({"format": "WAV"}, ValueError, "Audio.format is 'WAV'; known are aac, alaw, flac, mp3, ogg"),
        ({"format": ""}, ValueError, "Audio.format is ''"),
        ({"sample_rate": 0}, ValueError, "Audio.sample_rate is 0; it must be from 1 to"),
        ({"sample_rate": -1}, ValueError, "Audio.sample_rate is -1"),
        ({"sample_rate": 2**32}, ValueError, "Audio.sample_rate is 4294967296"),
        ({"sample_rate": 24000.0}, TypeError, "Audio.sample_rate is 24000.0, not an integer"),
        ({"sample_rate": "24000"}, TypeError, "Audio.sample_rate is '24000', not an integer"),
        ({"channels": 0}, ValueError, "Audio.channels is 0"),
        ({"channels": 65536}, ValueError, "Audio.channels is 65536"),
        ({"channels": True}, TypeError, "Audio.channels is True, not an integer"),
        ({"sample_width": 0}, ValueError, "Audio.sample_width is 0; it must be from 1 to 4"),
        ({"sample_width": 5}, ValueError, "Audio.sample_width is 5"),
        ({"sample_width": None}, TypeError, "Audio.sample_width is None"),
    ],
)
def test_unusable_field_is_refused_with_its_value(values, kind, message):
    with pytest.raises(kind) as caught:
        Audio(**{"data": b"x"} | values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("audio", "seconds"),
    [
        (Audio(wav(SAMPLES)), 0.5),
        (Audio(wav(SAMPLES, sizes="streamed")), 0.5),
        (Audio(wav(SAMPLES, 48000, channels=2)), 0.125),
        (Audio(SAMPLES, "pcm"), 0.5),
        (Audio(SAMPLES, "pcm", 8000, 2, 1), 1.5),
        (Audio(bytes(6000), "pcm", 1000, 1, 3), 2.0),
        (Audio(bytes(8000), "ulaw", 8000), 1.0),
        (Audio(bytes(8000), "alaw", 8000, 2), 0.5),
    ],
)
def test_duration_is_known_without_a_decoder(audio, seconds):
    assert audio.duration == pytest.approx(seconds, abs=1e-9)
    assert audio.known_duration == audio.duration


def test_duration_is_computed_without_copying_the_samples():
    audio = Audio(wav(bytes(5_000_000), 8000))
    tracemalloc.start()
    try:
        assert audio.duration == 312.5
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def test_duration_of_a_wav_file_follows_its_header_and_not_the_fields():
    assert Audio(wav(bytes(16000), 8000), sample_rate=48000).duration == 1.0


@pytest.mark.parametrize("name", COMPRESSED)
def test_duration_of_a_compressed_format_is_unknown(name):
    audio = Audio(wav(SAMPLES), name)
    assert audio.known_duration is None
    with pytest.raises(ValueError, match=f"^{name} is a compressed format: its duration needs a decoder"):
        audio.duration  # noqa: B018


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (Audio(b""), "not a WAV file"),
        (Audio(b"RIFF"), "not a WAV file: it starts with b'RIFF'"),
        (Audio(b"no wav"), "is not a WAV file: it starts with b'no wav'; pass format=\"pcm\""),
        (Audio(wav(SAMPLES)[:-2]), "a truncated WAV file"),
        (Audio(b"odd", "pcm"), "3 bytes of pcm are not whole samples"),
        (Audio(b"odd", "alaw", 8000, 2), "3 bytes of alaw are not whole samples"),
    ],
)
def test_duration_of_broken_bytes_is_unknown(audio, message):
    assert audio.known_duration is None
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the messages differ
        audio.duration  # noqa: B018
    assert message in str(caught.value)


def test_pcm_of_16_bit_wav_is_its_samples():
    assert Audio(wav(SAMPLES)).pcm() == SAMPLES
    assert Audio(wav(SAMPLES, sizes="zero")).pcm() == SAMPLES


@pytest.mark.parametrize(
    ("width", "samples", "expected"),
    [
        (1, bytes([0, 64, 128, 192, 255]), [-32768, -16384, 0, 16384, 32512]),
        (2, struct.pack("<3h", -32768, 0, 32767), [-32768, 0, 32767]),
        (3, b"\x00\x00\x80\xff\x00\x00\xff\xff\x7f", [-32768, 0, 32767]),
        (4, struct.pack("<3i", -(2**31), 65536, 2**31 - 1), [-32768, 1, 32767]),
    ],
)
def test_pcm_of_every_width_is_signed_16_bit(width, samples, expected):
    pcm = Audio(samples, "pcm", sample_width=width).pcm()
    assert list(struct.unpack(f"<{len(expected)}h", pcm)) == expected


@pytest.mark.parametrize(
    ("law", "extremes", "digest"),
    [
        ("ulaw", (-32124, 32124, 0, 0), "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827"),
        (
            "alaw",
            (-5504, 5504, -848, 848),
            "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
        ),
    ],
)
def test_telephone_samples_are_expanded_according_to_g711(law, extremes, digest):
    # Digests of the 256 codes in order, decoded with audioop of CPython 3.11.
    assert hashlib.sha256(Audio(bytes(range(256)), law).pcm()).hexdigest() == digest
    assert struct.unpack("<4h", Audio(b"\x00\x80\x7f\xff", law).pcm()) == extremes


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("use", [Audio.pcm, Audio.frames, lambda audio: audio.resample(8000)])
def test_samples_of_a_compressed_format_are_refused_by_name(name, use):
    with pytest.raises(ValueError, match=rf"^{name} is a compressed format"):
        use(Audio(b"x" * 100, name))


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (Audio(b"odd", "pcm"), "3 bytes of pcm are not whole samples"),
        (Audio(b"odd", "ulaw", channels=2), "3 bytes of ulaw are not whole samples"),
        (Audio(b"no wav at all"), "not a WAV file"),
        (Audio(wav(SAMPLES)[:-100]), "truncated"),
    ],
)
def test_samples_of_broken_bytes_are_refused(audio, message):
    with pytest.raises(ValueError, match=message):
        audio.pcm()


@pytest.mark.parametrize("sizes", ["streamed", "zero"])
def test_saved_stream_has_a_correct_header(tmp_path, sizes):
    path = Audio(wav(SAMPLES, sizes=sizes)).save(tmp_path / "a.wav")
    assert open_wav(path) == ((1, 2, 24000, 12000), SAMPLES)


def test_saved_wav_has_the_same_bytes(tmp_path):
    path = tmp_path / "a.wav"
    assert Audio(wav(SAMPLES)).save(str(path)) == path
    assert path.read_bytes() == wav(SAMPLES)


def test_saved_samples_get_one_header(tmp_path):
    first = Audio(SAMPLES, "pcm", 16000).save(tmp_path / "a.wav").read_bytes()
    assert open_wav(tmp_path / "a.wav") == ((1, 2, 16000, 12000), SAMPLES)
    assert Audio(first).save(tmp_path / "b.wav").read_bytes() == first


@pytest.mark.parametrize(("law", "tag"), [("ulaw", 7), ("alaw", 6)])
def test_saved_telephone_samples_are_a_wav_file_with_their_format_tag(tmp_path, law, tag):
    data = Audio(bytes(range(200)), law, 8000).save(tmp_path / "a.wav").read_bytes()
    assert struct.unpack_from("<HHIIHH", data, 20) == (tag, 1, 8000, 8000, 1, 8)
    assert data.endswith(bytes(range(200)))
    assert Audio(data).pcm() == Audio(bytes(range(200)), law).pcm()


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_bytes_are_saved_unchanged(tmp_path, name):
    assert Audio(b"\x00\xff anything", name).save(tmp_path / "a").read_bytes() == b"\x00\xff anything"


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_resampled_audio_is_wav_of_the_same_length_in_seconds(rate):
    audio = Audio(wav(tone(440))).resample(rate)
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("wav", rate, 1, 2)
    with wave.open(io.BytesIO(audio.data)) as file:
        assert file.getframerate() == rate
    assert audio.duration == pytest.approx(0.5, abs=0.005)
    assert loudness(audio.pcm()) == pytest.approx(loudness(tone(440)), rel=0.02)


def test_resampling_removes_frequencies_above_the_new_limit():
    aliased = Audio(wav(tone(11000))).resample(8000)
    assert loudness(aliased.pcm()) < loudness(tone(11000)) / 300


def test_resampling_does_not_mix_channels():
    left = array.array("h", tone(440))
    stereo = array.array("h", [value for sample in left for value in (sample, 0)])
    audio = Audio(stereo.tobytes(), "pcm", 24000, 2).resample(16000)
    samples = array.array("h", audio.pcm())
    assert audio.channels == 2
    assert max(map(abs, samples[1::2])) <= 1
    assert loudness(samples[0::2]) == pytest.approx(loudness(left), rel=0.02)


def test_resampling_to_the_same_rate_keeps_every_sample():
    assert Audio(SAMPLES, "pcm").resample(24000) == Audio(wav(SAMPLES))


@pytest.mark.parametrize(("rate", "kind"), [(0, ValueError), (-8000, ValueError), (8000.0, TypeError)])
def test_invalid_rate_is_refused(rate, kind):
    with pytest.raises(kind, match=f"sample_rate is {rate}"):
        Audio(wav(SAMPLES)).resample(rate)


@pytest.mark.parametrize("missing", ["numpy", "soxr"])
def test_error_of_resampling_without_the_extra_names_the_install_command(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        Audio(wav(SAMPLES)).resample(8000)
    assert str(caught.value) == f'resampling needs {missing}: pip install "russo-core[audio]"'


@pytest.mark.parametrize(
    ("audio", "ms", "size"),
    [
        (Audio(wav(SAMPLES)), 20, 960),
        (Audio(wav(SAMPLES)), 30, 1440),
        (Audio(SAMPLES, "pcm", 11025), 20, 440),
        (Audio(SAMPLES, "pcm", 8000, 2), 10, 320),
        (Audio(bytes(range(256)) * 5, "ulaw", 8000), 20, 320),
    ],
)
def test_frames_are_equal_pieces_of_all_samples(audio, ms, size):
    frames = list(audio.frames(ms=ms))
    assert {len(frame) for frame in frames} == {size}
    whole = b"".join(frames)
    assert whole[: len(audio.pcm())] == audio.pcm()
    assert not whole[len(audio.pcm()) :].strip(b"\0")
    assert len(whole) - len(audio.pcm()) < size


def test_frames_are_20_ms_by_default():
    assert len(next(Audio(wav(SAMPLES)).frames())) == 960


def test_audio_without_samples_has_no_frames():
    assert list(Audio(b"", "pcm").frames()) == []


@pytest.mark.parametrize("ms", [0, -20])
def test_frames_shorter_than_a_sample_are_refused_at_once(ms):
    with pytest.raises(ValueError, match=f"frames of {ms} ms are shorter than one sample at 24000 Hz"):
        Audio(wav(SAMPLES)).frames(ms)


@pytest.mark.parametrize("ms", [3_600_001, 10**12, math.inf, math.nan])
def test_frames_of_more_than_an_hour_are_refused(ms):
    with pytest.raises(ValueError, match="the limit is 3600000 ms"):
        Audio(wav(SAMPLES)).frames(ms)


def test_frames_of_negative_length_are_refused():
    with pytest.raises(ValueError, match="are shorter than one sample"):
        Audio(wav(SAMPLES)).frames(-math.inf)


# -- raw samples declared as WAV


USES = {
    "pcm": Audio.pcm,
    "frames": Audio.frames,
    "resample": lambda audio: audio.resample(8000),
    "save": lambda audio: audio.save("never/made.wav"),
    "store": lambda audio: AudioCache("never").put("key", audio),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (SAMPLES, 'format="pcm"'),
        (bytes(4800), 'format="pcm"'),
        (b"x", 'format="pcm"'),
        (b"ID3\x04 and so on", "(MP3); pass format='mp3'"),
        (b"OggS and so on", "(Ogg); pass format='ogg'"),
        (b"\0\0\0\x20ftypM4A ", "(MP4)"),
        (b"RIFF\x24\0\0\0AVI LIST", "(AVI)"),
    ],
)
def test_raw_samples_declared_as_wav_are_refused_with_advice(tmp_path, monkeypatch, use, data, remedy):
    monkeypatch.chdir(tmp_path)
    audio = Audio(data)
    assert audio.known_duration is None
    with pytest.raises(ValueError, match="is not a WAV file: it starts with") as caught:
        USES[use](audio)
    assert remedy in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "start", [*(name + b"\0\0\0\0WAVE" for name in (b"RIFF", b"RF64", b"RIFX")), b"riff\x2e\x91\xcf\x11"]
)
def test_wav_that_russo_cannot_read_is_accepted(tmp_path, start):
    audio = Audio(start + bytes(range(100)))
    assert audio.save(tmp_path / "a.wav").read_bytes() == audio.data
    cache = AudioCache(tmp_path / "cache")
    assert cache.put("key", audio)
    assert cache.get("key") == audio


# -- file names


@pytest.mark.parametrize(
    ("audio", "name"),
    [
        (Audio(wav(SAMPLES)), "out.wav"),
        (Audio(wav(SAMPLES)), "OUT.WAV"),
        (Audio(wav(SAMPLES)), "out.wave"),
        (Audio(wav(SAMPLES)), "out"),
        (Audio(wav(SAMPLES)), "out.bin"),
        (Audio(wav(SAMPLES)), "speech v1.2"),
        (Audio(wav(SAMPLES)), "mp3"),
        (Audio(wav(SAMPLES)), ".mp3"),
        (Audio(SAMPLES, "pcm"), "out.wav"),
        (Audio(SAMPLES, "ulaw"), "out.wav"),
        (Audio(b"x", "opus"), "out.ogg"),
        (Audio(b"x", "ogg"), "out.opus"),
        (Audio(b"x", "mp3"), "a/b/c/out.mp3"),
    ],
)
def test_saved_file_has_the_given_name(tmp_path, audio, name):
    assert audio.save(tmp_path / "new" / name) == tmp_path / "new" / name
    assert (tmp_path / "new" / name).stat().st_size


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "flac", "aac", "pcm", "ulaw", "alaw", "m4a", "webm"])
@pytest.mark.parametrize("name", ["wav", "pcm", "ulaw", "alaw", *COMPRESSED])
def test_suffix_of_another_format_is_refused(tmp_path, name, suffix):
    audio = Audio(wav(SAMPLES) if name == "wav" else SAMPLES, name)
    written = "wav" if name in {"pcm", "ulaw", "alaw"} else name
    if suffix in {written, {"opus": "ogg"}.get(written)}:
        pytest.skip("the format's own suffix")
    for each in (suffix, suffix.upper()):
        with pytest.raises(ValueError, match=rf"would hold {written}; name it out\.{written}$"):
            audio.save(tmp_path / "new" / f"out.{each}")
    assert list(tmp_path.iterdir()) == []


# -- numbers too large for a file


EXTREME = [
    Audio(SAMPLES, "pcm", 0xFFFFFFFF),
    Audio(SAMPLES * 30, "pcm", 8000, 32768),
    Audio(SAMPLES * 30, "pcm", 8000, 65535, 1),
    Audio(bytes(65535 * 4), "pcm", 0xFFFFFFFF, 65535, 4),
    Audio(bytes(65535), "ulaw", 0xFFFFFFFF, 65535),
    Audio(bytes(65535), "alaw", 8000, 65535),
]


@pytest.mark.parametrize("audio", EXTREME, ids=repr)
@pytest.mark.parametrize(
    "use", [*(USES[name] for name in USES if name != "store"), lambda a: a.resample(0xFFFFFFFF)]
)
def test_extreme_audio_raises_only_value_errors(tmp_path, monkeypatch, audio, use):
    monkeypatch.chdir(tmp_path)
    assert audio.known_duration is None or audio.duration > 0
    with contextlib.suppress(ValueError):
        use(audio)


def test_resampling_to_more_samples_than_a_file_can_hold_is_refused():
    with pytest.raises(ValueError, match="a WAV file cannot have"):
        Audio(bytes(2_000_000), "pcm", 1).resample(1_000_000)


def test_resampled_wav_keeps_the_channels_of_the_header():
    assert Audio(wav(SAMPLES, channels=2), channels=1).resample(8000).channels == 2
