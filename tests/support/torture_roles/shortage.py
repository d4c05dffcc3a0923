"""Roles that speak or read without permission, files, threads or memory; the audio is never lost."""

import asyncio
import contextlib
import logging
import os
import re
import resource
from pathlib import Path

from russo import Audio, AudioCache, CachedSynthesizer
from russo._hooks import plugin_manager
from russo._store.cache import Miss
from support.torture_roles.process import forked, say, status_of


class Ears(logging.Handler):
    """Notes what the log says at WARNING and above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.heard = []

    def emit(self, record):
        self.heard.append(record.getMessage())


class Repeater:
    """Speaks at once."""

    def __init__(self):
        self.cache_key_extra = {"backend": "repeater"}
        self.calls = 0

    async def synthesize(self, text):
        self.calls += 1
        return Audio(text.encode() * 5000, "pcm")


def warm_up(directory):
    """Import and make what a first miss needs: the lack of files is about to be tested, not imports."""
    plugin_manager()
    speaker = CachedSynthesizer(Repeater(), cache=AudioCache(directory))
    asyncio.run(speaker.synthesize("warm"))
    asyncio.run(speaker.synthesize("warm"))


def _speak(cache, prompts):
    """Speak prompts; return what was heard of the log and how many backend calls were made."""
    ears, repeater = Ears(), Repeater()
    logging.getLogger().addHandler(ears)
    speaker = CachedSynthesizer(repeater, cache=cache)

    async def main():
        for prompt in prompts:
            audio = await speaker.synthesize(prompt)
            assert audio.data == prompt.encode() * 5000

    asyncio.run(main())
    logging.getLogger().removeHandler(ears)
    return {"log": ears.heard, "calls": repeater.calls}


def speak_as_nobody(directory, warm):
    """Speak without any permission in the cache's directory."""
    warm_up(warm)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    say(_speak(AudioCache(directory), ["stored", "one", "two"]))


def speak_without_files(directory, warm, cold=False):
    """Speak when the process may open no more files; then again when it may."""
    if not cold:
        warm_up(warm)
    cache = AudioCache(directory)
    with forked(lambda: _speak(cache, ["stored"])) as pid:
        assert status_of(pid) == 0
    ears, repeater = Ears(), Repeater()
    logging.getLogger().addHandler(ears)
    speaker = CachedSynthesizer(repeater, cache=cache)

    async def main():
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        taken = []
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for prompt in ("stored", "one", "two"):
            audio = await speaker.synthesize(prompt)
            assert audio.data == prompt.encode() * 5000
        for descriptor in taken:
            os.close(descriptor)
        called = repeater.calls
        for prompt in ("stored", "one", "two", "one", "two"):
            await speaker.synthesize(prompt)
        return called

    called = asyncio.run(main())
    say({"log": ears.heard, "called": called, "then": repeater.calls - called, "rest": os.listdir(directory)})


def speak_without_threads(directory, warm):
    """Speak when the process may start no more threads."""
    warm_up(warm)
    os.setgid(65534)
    os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    import threading

    try:
        threading.Thread(target=int).start()
        say("threads")
    except RuntimeError:
        say(_speak(AudioCache(directory), ["one", "two", "one"]))


def read_in_little_memory(directory, key, mebibytes):
    """Look a key up with little memory to spare; say what was found and how much it took."""
    cache = AudioCache(directory)
    logging.disable(logging.CRITICAL)
    cache.get(key + "-none")
    before = int(re.search(r"VmSize:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    limit = before + mebibytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = cache.lookup(key)
    # Not ru_maxrss: a child inherits its parent's.
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    say({"miss": isinstance(found, Miss), "peak": peak})
