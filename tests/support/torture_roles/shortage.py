"""Roles that synthesize or read without permission, files, threads or memory; no audio is lost."""

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
from support.torture_roles.process import forked, send, status_of


class WarningLog(logging.Handler):
    """Collects log messages at WARNING and above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


class Repeater:
    """Returns audio at once."""

    def __init__(self):
        self.cache_key_extra = {"backend": "repeater"}
        self.calls = 0

    async def synthesize(self, text):
        self.calls += 1
        return Audio(text.encode() * 5000, "pcm")


def warm_up(directory):
    """Make all imports of a first miss beforehand: the role tests missing files, not failing imports."""
    plugin_manager()
    speaker = CachedSynthesizer(Repeater(), cache=AudioCache(directory))
    asyncio.run(speaker.synthesize("warm"))
    asyncio.run(speaker.synthesize("warm"))


def _speak(cache, prompts):
    """Synthesize prompts; return the log messages and the number of backend calls."""
    log, repeater = WarningLog(), Repeater()
    logging.getLogger().addHandler(log)
    speaker = CachedSynthesizer(repeater, cache=cache)

    async def main():
        for prompt in prompts:
            audio = await speaker.synthesize(prompt)
            assert audio.data == prompt.encode() * 5000

    asyncio.run(main())
    logging.getLogger().removeHandler(log)
    return {"log": log.messages, "calls": repeater.calls}


def speak_without_permission(directory, warm):
    """Synthesize without any permission in the cache's directory."""
    warm_up(warm)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    send(_speak(AudioCache(directory), ["stored", "one", "two"]))


def speak_without_files(directory, warm, cold=False):
    """Synthesize while the process may open no more files, then again when it may."""
    if not cold:
        warm_up(warm)
    cache = AudioCache(directory)
    with forked(lambda: _speak(cache, ["stored"])) as pid:
        assert status_of(pid) == 0
    log, repeater = WarningLog(), Repeater()
    logging.getLogger().addHandler(log)
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
    send(
        {
            "log": log.messages,
            "called": called,
            "then": repeater.calls - called,
            "rest": os.listdir(directory),
        }
    )


def speak_without_threads(directory, warm):
    """Synthesize while the process may start no more threads."""
    warm_up(warm)
    os.setgid(65534)
    os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    import threading

    try:
        threading.Thread(target=int).start()
        send("threads")
    except RuntimeError:
        send(_speak(AudioCache(directory), ["one", "two", "one"]))


def read_in_little_memory(directory, key, mebibytes):
    """Look a key up with little free memory; send whether it was a miss, and the peak memory."""
    cache = AudioCache(directory)
    logging.disable(logging.CRITICAL)
    cache.get(key + "-none")
    before = int(re.search(r"VmSize:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    limit = before + mebibytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = cache.lookup(key)
    # Not ru_maxrss, because a child inherits that of its parent.
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    send({"miss": isinstance(found, Miss), "peak": peak})
