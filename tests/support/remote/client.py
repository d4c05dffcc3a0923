"""One machine as a process: ``python -m support.remote.client``, for tests that kill it.

    client.py DIRECTORY URL bring|speak|fork NUMBER BYTES [OWN]

``bring`` asks the store for all prompts ahead, ``speak`` says them one after another and uploads them, and
``fork`` says the first one, and says the others in a forked child. Each result is printed at once. With OWN,
the backend of this machine has its own sound for the same keys, and each of its calls takes 20 ms.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings

from russo import Audio, hookimpl, plugin_manager
from russo._flow.cached import requests_of
from russo._flow.remote import prefetch
from support.remote.stores import synthesizer_with
from support.speakers import Speaker


def prompts(number: int) -> list[str]:
    return [f"prompt {each}" for each in range(number)]


class LongSpeaker(Speaker):
    """A speaker of audio of a given size.

    Args:
        size: In bytes.
        own: The sound of this machine, which is not in the key.
    """

    def __init__(self, size: int, own: str = "") -> None:
        super().__init__()
        self.size, self.own = size, own

    def sound(self, text: str) -> Audio:
        data = (self.own + text).encode()
        return Audio((data * (self.size // len(data) + 1))[: self.size], "pcm", 24000, 1, 2)

    async def synthesize(self, text: str) -> Audio:
        if self.own:
            await asyncio.sleep(0.02)
        return await super().synthesize(text)


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


def main(arguments: list[str]) -> None:
    directory, url, action, number, size, *own = arguments
    plugin_manager().register(Printer())
    speaker = LongSpeaker(int(size), *own)
    texts = prompts(int(number))
    cached = synthesizer_with(directory, url, speaker=speaker, write=action != "bring")
    if action == "bring":
        asyncio.run(prefetch(requests_of(cached, texts)))
    elif action == "fork":
        cached.synthesize_sync(texts[0])
        sys.stdout.flush()
        # Python 3.12 and later warn of each fork of a process that has threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child:
            say("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            texts = []
    for text in texts:
        audio = cached.synthesize_sync(text)
        assert own or audio == speaker.sound(text)
    say("calls", speaker.calls)
    cached.cache.remote.close()


if __name__ == "__main__":
    main(sys.argv[1:])
