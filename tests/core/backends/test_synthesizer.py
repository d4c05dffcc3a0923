from russo import Audio, CachedSynthesizer, Synthesizer
from russo.testing import FakeSynthesizer, wav


class Plain:
    async def synthesize(self, text):
        return Audio(wav(b"\1\2" * 100))


class Other:
    async def speak(self, text):
        return Audio(wav(b"\1\2" * 100))


def test_synthesizer_is_recognised_by_its_method():
    for synthesizer in (Plain(), FakeSynthesizer(), CachedSynthesizer(Plain())):
        assert isinstance(synthesizer, Synthesizer)
    for other in (Other(), "text", None, Audio(b"x")):
        assert not isinstance(other, Synthesizer)
