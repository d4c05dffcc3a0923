"""Tools for authors of backends: attempts, the errors of an HTTP exchange, credentials, options, WAV.

A backend has one `Attempts`, which runs its attempts. `Exchange` turns the exceptions of its SDK into the
errors of russo:

    class AcmeSynthesizer:
        def __init__(self, *, voice: str = "anna", api_key: str | None = None, timeout: float = 60.0,
                     max_attempts: int = 3, max_concurrency: int = 8) -> None:
            self._api_key = api_key
            self._attempts = Attempts("acme", timeout=timeout, max_attempts=max_attempts,
                                max_concurrency=max_concurrency)

        async def synthesize(self, text: str) -> Audio:
            key = read_api_key(self._attempts, text, self._api_key, "ACME_API_KEY")
            exchange = Exchange(self._attempts, text, key)
            return await self._attempts.run(text, lambda: exchange.guard(self._attempt(exchange)))

        async def _attempt(self, exchange: Exchange) -> Audio:
            try:
                reply = await acme.speak(exchange.prompt, key=exchange.secret)
            except acme.StatusError as error:
                kind = kind_of_status(error.status)
                raise exchange.refusal_error(error, kind, error.status, error.text) from error
            except (OSError, ValueError) as error:
                raise exchange.connection_error(error) from error
            return wav_audio(reply)
"""

from __future__ import annotations

from collections.abc import Iterable

from ._audio import Audio
from ._backends.attempts import Attempts
from ._backends.bodies import (
    ACCEPTED_ENCODINGS,
    MOST_REPLY_BYTES,
    OversizedReplyError,
    bound_reply,
    load_json,
)
from ._backends.credentials import read_api_key
from ._backends.http import Exchange
from ._backends.model_ends import ModelEnd
from ._backends.network import shared_tls
from ._backends.options import check_base_url, check_path, check_range, endpoint
from ._backends.redaction import redact
from ._backends.refusals import kind_of_status
from ._backends.retry_after import seconds_to_wait
from ._samples import is_silent, to_s16le
from ._secret import Secret
from ._wav import PCM, Wav, read_wav, rewrite_wav, write_wav

__all__ = [
    "ACCEPTED_ENCODINGS",
    "MOST_REPLY_BYTES",
    "Attempts",
    "Exchange",
    "ModelEnd",
    "OversizedReplyError",
    "Secret",
    "bound_reply",
    "check_base_url",
    "check_path",
    "check_range",
    "endpoint",
    "join_wav",
    "kind_of_status",
    "load_json",
    "looks_like_text",
    "pcm_audio",
    "read_api_key",
    "redact",
    "seconds_to_wait",
    "shared_tls",
    "wav_audio",
]


def wav_audio(data: bytes) -> Audio:
    """Make 16-bit WAV audio from a WAV reply of a service: repair placeholder sizes, keep the samples.

    Samples of another encoding are converted to 16 bits.

    Raises:
        ValueError: It is not a WAV file, truncated, without samples, or silent from end to end.
    """
    return _checked(read_wav(data))


def pcm_audio(samples: bytes, sample_rate: int, *, channels: int = 1) -> Audio:
    """Make WAV audio from raw samples (signed 16-bit little-endian).

    Raises:
        ValueError: There are no samples, the last one is incomplete, all are silent, the bytes are text, or
            the rate or the number of channels is impossible.
    """
    if not (0 < sample_rate < 1 << 32 and 0 < channels < 1 << 16):
        raise ValueError(f"samples of {sample_rate} Hz and {channels} channels")
    if not samples:
        raise ValueError("no samples")
    if looks_like_text(samples):
        raise ValueError(f"text instead of samples: {samples[:40]!r}")
    if len(samples) % (2 * channels):
        raise ValueError(f"{len(samples)} bytes are not whole 16-bit samples")
    return _checked(Wav(PCM, channels, sample_rate, 2, samples))


def join_wav(parts: Iterable[Audio]) -> Audio:
    """Join WAV audio of one format, sample by sample; single parts may be silent.

    Raises:
        ValueError: There are no parts, their formats differ, or all of them are silent.
    """
    wavs = [read_wav(part.data) for part in parts]
    formats = {(wav.tag, wav.channels, wav.sample_rate, wav.sample_width) for wav in wavs}
    if len(formats) != 1:
        raise ValueError(f"cannot join {len(wavs)} parts of {len(formats)} formats")
    tag, channels, rate, width = formats.pop()
    return _checked(Wav(tag, channels, rate, width, b"".join(wav.samples for wav in wavs)))


def looks_like_text(data: bytes) -> bool:
    """Return whether bytes are a JSON, XML or HTML document instead of sound."""
    start = data[:256].lstrip()
    return start[:1] in (b"{", b"[", b"<") and start.isascii() and b"\0" not in start


def _checked(wav: Wav) -> Audio:
    if not wav.samples:
        raise ValueError("a WAV file without samples")
    samples = to_s16le(wav)
    if is_silent(samples, wav):
        raise ValueError("silence from end to end")
    if (wav.tag, wav.sample_width) == (PCM, 2):
        data = rewrite_wav(wav)
    else:
        data = write_wav(samples, wav.sample_rate, channels=wav.channels)
    return Audio(data, "wav", wav.sample_rate, wav.channels, 2)
