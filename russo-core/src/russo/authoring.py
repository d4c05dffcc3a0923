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
            return await self._attempts.run(
                text, lambda: exchange.guard(self._attempt(exchange)), host="api.acme.example"
            )

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

import codecs
import re
from collections.abc import Iterable
from typing import Final

from ._audio import Audio
from ._backends.attempts import Attempts
from ._backends.bodies import (
    ACCEPTED_ENCODINGS,
    MOST_REPLY_BYTES,
    OversizedReplyError,
    bound_reply,
    load_json,
)
from ._backends.credentials import credentials_error, read_api_key
from ._backends.http import Exchange
from ._backends.model_ends import ModelEnd
from ._backends.network import bound_connect, shared_tls
from ._backends.options import Range, check_base_url, check_path, check_range, endpoint, host_of
from ._backends.redaction import redact
from ._backends.refusals import kind_of_status
from ._backends.retry_after import seconds_to_wait
from ._containers import container_of
from ._samples import is_silent, to_s16le
from ._secret import Secret
from ._wav import PCM, Wav, find_wav, read_wav, rewrite_wav, write_wav

__all__ = [
    "ACCEPTED_ENCODINGS",
    "MOST_REPLY_BYTES",
    "Attempts",
    "Exchange",
    "ModelEnd",
    "OversizedReplyError",
    "Range",
    "Secret",
    "bound_connect",
    "bound_reply",
    "check_base_url",
    "check_path",
    "check_range",
    "container_of",
    "credentials_error",
    "endpoint",
    "host_of",
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


# A wave of two levels has at most four different bytes, and all of them may be printable.
_FEWEST_LETTERS: Final = 5
_START_BYTES: Final = 1024
_SHOWN: Final = 40
_END_BYTES: Final = 4096
# If a service fails in the middle of a stream, it may append JSON or a page to the samples that it has sent.
_TEXT_AT_THE_END: Final = re.compile(
    rb"""(\{\s*"[\w -]+"\s*:[^\x00-\x08\x0e-\x1f]{2,}\}      # JSON
    |<(!doctype\ |html|\?xml\ )[^\x00-\x08\x0e-\x1f]{8,}>  # a page
    )\s*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
# In 16-bit sound, 20 samples in a row never consist of printable bytes only. In sound with one byte per
# sample they may, in each negative half wave.
_SENTENCE_AT_THE_END: Final = re.compile(rb"[\t\r\n\x20-\x7e]{40,}\Z")


def wav_audio(data: bytes) -> Audio:
    """Make 16-bit WAV audio from a WAV reply of a service: repair wrong sizes, keep all samples.

    Samples of another encoding are converted to 16 bits.

    Raises:
        ValueError: The data is not a WAV file, or the file is truncated, has no samples or is silent from end
            to end; its samples are text, another file, or not finite; or some of its bytes are neither
            samples nor chunks.
    """
    return _checked(read_wav(data))


def pcm_audio(samples: bytes, sample_rate: int, *, channels: int = 1) -> Audio:
    """Make WAV audio from raw samples (signed 16-bit little-endian).

    Raises:
        ValueError: There are no samples, the last one is incomplete, all are silent, the bytes are text or a
            file (`container_of` names it), or the rate or the number of channels is impossible.
    """
    if not (0 < sample_rate < 1 << 32 and 0 < channels < 1 << 16):
        raise ValueError(f"impossible format of samples: {sample_rate} Hz, {channels} channels")
    if not samples:
        raise ValueError("no samples")
    _check_samples(samples)
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
    """Return whether bytes are a text, such as JSON, HTML or an error message, instead of sound."""
    start = data[:_START_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()
    document = start[:256]
    if document[:1] in (b"{", b"[", b"<") and document.isascii() and b"\0" not in document:
        return True
    try:
        # The last character may be cut.
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=len(data) <= _START_BYTES)
    except UnicodeDecodeError:
        return False
    return len(set(text)) >= _FEWEST_LETTERS and all(each.isprintable() or each in "\t\r\n" for each in text)


def _check_samples(samples: bytes, sample_width: int = 2) -> None:
    """Refuse samples that are in fact a text or a file, or contain one."""
    # A constant level of one-byte samples may be "{" or "[".
    is_level = sample_width == 1 and len(set(samples[:_START_BYTES])) < _FEWEST_LETTERS
    if not is_level and looks_like_text(samples):
        raise ValueError(f"text instead of samples: {samples[:_SHOWN]!r}")
    if (name := container_of(samples)) is not None:
        raise ValueError(f"{name} instead of bare samples: it starts with {samples[:4]!r}")
    if (at := find_wav(samples)) is not None:
        raise ValueError(f"the header of a WAV file at byte {at} of the samples")
    end = samples[-_END_BYTES:]
    found = _TEXT_AT_THE_END.search(end) or (sample_width > 1 and _SENTENCE_AT_THE_END.search(end)) or None
    if found is not None and len(set(found[0])) >= _FEWEST_LETTERS:
        raise ValueError(f"samples that end in a text: {found[0][:_SHOWN]!r}")


def _checked(wav: Wav) -> Audio:
    if not wav.samples:
        raise ValueError("a WAV file without samples")
    _check_samples(wav.samples, wav.sample_width)
    samples = to_s16le(wav)
    if is_silent(samples, wav):
        raise ValueError("silence from end to end")
    if (wav.tag, wav.sample_width) == (PCM, 2):
        data = rewrite_wav(wav)
    else:
        data = write_wav(samples, wav.sample_rate, channels=wav.channels)
    return Audio(data, "wav", wav.sample_rate, wav.channels, 2)
