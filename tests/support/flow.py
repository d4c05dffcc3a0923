"""Values for the tests of the flow: audio, an error, the key of a request, the context of a run."""

from russo import AuthenticationError, Mode, cache_key
from russo._flow.run import RunContext
from support.speakers import PROMPT, sound

STORED = sound("stored")
FRESH = sound("fresh")
FAILURE = AuthenticationError("HTTP 401", backend="speaker", prompt=PROMPT)


def key_of(synthesizer, prompt=PROMPT, given=None):
    """Return the cache key of a prompt for this synthesizer."""
    return cache_key(prompt, synthesizer.cache_key_extra, given)


def stored_files(cache):
    """Return the files of a cache's entries with their bytes."""
    return {p.name: p.read_bytes() for p in cache.directory.glob("*.*") if p.suffix in {".audio", ".meta"}}


def run_context(cache, mode):
    """Return the context that the synthesizers of one run share."""
    return RunContext(cache=cache, mode=Mode(mode), report=print)


class Wrapper:
    """Forwards ``cache_key_extra`` of the wrapped synthesizer, as wrappers should."""

    def __init__(self, inner):
        self.inner = inner

    @property
    def cache_key_extra(self):
        return self.inner.cache_key_extra

    async def synthesize(self, text):
        return await self.inner.synthesize(text)
