"""One machine as a process: ``python -m support.remote.client``, for tests that kill it.

    client.py DIRECTORY URL bring|speak|fork NUMBER BYTES

``bring`` asks the store for all prompts ahead, ``speak`` says them one after another and uploads them, and
``fork`` says the first one, and says the others in a forked child. Each result is printed at once.
"""

from __future__ import annotations

import asyncio
import os
import sys

from russo import Audio, hookimpl, plugin_manager
from russo._flow.cached import requests_of
from russo._flow.remote import prefetch
from support.remote.stores import synthesizer_with
from support.speakers import Speaker


def prompts(number: int) -> list[str]:
    return [f"prompt {each}" for each in range(number)]


class LongSpeaker(Speaker):
    """A speaker of audio of a given size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def sound(self, text: str) -> Audio:
        data = text.encode()
        return Audio((data * (self.size // len(data) + 1))[: self.size], "pcm", 24000, 1, 2)


class Printer:
    """Prints the outcome of each lookup and upload."""

    @hookimpl
    def russo_remote_lookup(self, event):
        say("lookup", event.outcome)

    @hookimpl
    def russo_remote_upload(self, event):
        say("upload", event.outcome)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(directory: str, url: str, action: str, number: str, size: str) -> None:
    plugin_manager().register(Printer())
    speaker = LongSpeaker(int(size))
    texts = prompts(int(number))
    cached = synthesizer_with(directory, url, speaker=speaker, write=action != "bring")
    if action == "bring":
        asyncio.run(prefetch(requests_of(cached, texts)))
    elif action == "fork":
        cached.synthesize_sync(texts[0])
        sys.stdout.flush()
        child = os.fork()
        if child:
            say("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            texts = []
    for text in texts:
        assert cached.synthesize_sync(text) == speaker.sound(text)
    say("calls", speaker.calls)
    cached.cache.remote.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
