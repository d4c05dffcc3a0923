"""`Voice`: text to speech with russo's local voice. The cache keeps each reply, so it is synthesized once."""

from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, tts, utils

from russo import CachedSynthesizer
from russo.synthesizers import LocalSynthesizer

SAMPLE_RATE = 24_000  # Hz, the rate of the local voice


class Voice(tts.TTS):
    """Speaks one sentence at a time, a little faster than the callers of the tests."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=SAMPLE_RATE, num_channels=1
        )
        self.synthesizer = CachedSynthesizer(LocalSynthesizer(speed=1.1))

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _Speech(self, text, conn_options)


class _Speech(tts.ChunkedStream):
    def __init__(self, voice: Voice, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=voice, input_text=text, conn_options=conn_options)
        self._synthesizer = voice.synthesizer

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        audio = await self._synthesizer.synthesize(self.input_text)
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(audio.pcm())
        output_emitter.flush()
