"""`Ears`: speech to text with pocketsphinx, which needs no key and no network."""

import asyncio
import functools
import threading

from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectOptions,
    LanguageCode,
    NotGivenOr,
    stt,
    utils,
)
from pocketsphinx import Decoder

SAMPLE_RATE = 16_000  # Hz, the rate at which pocketsphinx's model was trained
_SLICE = SAMPLE_RATE // 50 * 2  # bytes of 20 ms


class Ears(stt.STT):
    """Recognizes one utterance at a time; LiveKit's voice detection finds where it begins and ends."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.SpeechEvent:
        frame = rtc.combine_audio_frames(buffer)
        words = await asyncio.to_thread(load_recognizer().words, bytes(frame.data))
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language=LanguageCode("en"), text=words)],
        )


class _Recognizer:
    """Converts sound to words, with the English model that is in pocketsphinx's package."""

    def __init__(self) -> None:
        # One pass: the usual second and third pass are slower, and hear "fifteen" for "fifty".
        self._decoder = Decoder(fwdflat=False, bestpath=False, loglevel="FATAL")
        self._means = self._decoder.get_cmn(False)
        self._lock = threading.Lock()

    def words(self, pcm: bytes) -> str:
        """Return the words of one utterance, "" if there are none."""
        decoder = self._decoder
        with self._lock:
            decoder.set_cmn(self._means)  # else the words would depend on earlier utterances
            decoder.start_utt()
            for start in range(0, len(pcm), _SLICE):  # other threads run between two slices
                decoder.process_raw(pcm[start : start + _SLICE])
            decoder.end_utt()
            found = decoder.hyp()
        return found.hypstr if found else ""


@functools.cache
def load_recognizer() -> _Recognizer:
    """Return the recognizer of this process, which is loaded once."""
    return _Recognizer()
