"""Print how many seconds the first hit of this process takes, including its imports.

python first_hit.py "raw pair"|get|await DIRECTORY KEY PROMPT FIELDS
"""

import json
import os
import sys
import time

what, directory, key, prompt, fields = sys.argv[1:]


def raw() -> bytes:
    """Read both files without verifying them."""
    for suffix in ("meta", "audio"):
        descriptor = os.open(f"{directory}/{key}.{suffix}", os.O_RDONLY)
        data = os.read(descriptor, os.fstat(descriptor).st_size)
        os.close(descriptor)
    return data


def get() -> bytes:
    """Call `get` of the cache."""
    from russo import AudioCache

    audio = AudioCache(directory).get(key)
    assert audio is not None
    return audio.data


def wait() -> bytes:
    """Await a cached synthesizer, in an event loop that runs already."""
    from russo import Audio, AudioCache, CachedSynthesizer

    class Recorder:
        def __init__(self) -> None:
            self.cache_key_extra = json.loads(fields)

        async def synthesize(self, text: str) -> Audio:
            raise AssertionError("a miss instead of a hit")

    call = CachedSynthesizer(Recorder(), cache=AudioCache(directory)).synthesize(prompt)
    try:
        call.send(None)
    except StopIteration as done:
        data: bytes = done.value.data
        return data
    raise AssertionError("a hit waits for nothing")


start = time.perf_counter()
size = len({"raw pair": raw, "get": get, "await": wait}[what]())
took = time.perf_counter() - start
assert size == 150_000
json.dump(took, sys.stdout)
