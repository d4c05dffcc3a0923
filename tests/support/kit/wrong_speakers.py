"""Engines that speak another text, print, warn or never end."""

from russo.testing import BackendContract
from support.kit.wrong import AFRESH, ODD_TEXT, REPLAY, SPEAKING, Wrong

WRONG_SPEAKERS = {
    "has no synthesize method": Wrong(
        "async def synthesize",
        "async def speak",
        {
            *SPEAKING,
            AFRESH,
            BackendContract.test_entry_point_leads_to_the_class,
            BackendContract.test_synthesize_takes_one_text,
        },
        "a synthesizer has a method `async def synthesize(self, text: str) -> Audio`",
    ),
    "refuses control characters by ValueError": Wrong(
        "if not text.strip():",
        'if not text.isprintable():\n            raise ValueError("control characters")\n        if not text.strip():',
        {ODD_TEXT},
        "is spoken, or refused by a russo.SynthesisError",
    ),
    "never ends for some texts": Wrong(
        "if not text.strip():",
        'if "\\0" in text:\n            await asyncio.sleep(60)\n        if not text.strip():',
        {ODD_TEXT, BackendContract.test_synthesizer_speaks_after_failed_calls},
        "a call ends, with audio or an error, within 2 s",
    ),
    "raises an error with another prompt": Wrong(
        "prompt=text, reached=False",
        'prompt="", reached=False',
        {ODD_TEXT},
        "an error carries the backend 'engine' and the exact prompt",
    ),
    "works in one event loop only": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "self.loop = getattr(self, 'loop', asyncio.get_running_loop())\n"
        "        if self.loop is not asyncio.get_running_loop():\n"
        '            raise RuntimeError("bound to a different event loop")\n'
        "        await asyncio.sleep(len(text) / 100000)",
        {
            ODD_TEXT,
            BackendContract.test_many_event_loops_one_after_another,
            BackendContract.test_synthesizer_speaks_after_a_cancelled_call,
            BackendContract.test_declared_option_is_heard,
            BackendContract.test_many_calls_at_once_in_many_event_loops,
            BackendContract.test_ordinary_calls_leave_nothing_behind,
            BackendContract.test_synthesizer_speaks_after_failed_calls,
        },
        "one synthesizer may be used from many event loops, one after another",
    ),
    "is not asynchronous": Wrong(
        "async def synthesize(self, text):\n        return await self.attempts.run(text, lambda: self.attempt(text))",
        "def synthesize(self, text):\n        return pcm_audio(b'ab' * 800, 8000)",
        {*SPEAKING, REPLAY},
        "EngineSynthesizer.synthesize returns Audio",
    ),
    "is an async generator": Wrong(
        "return await self.attempts.run(text,",
        "yield await self.attempts.run(text,",
        {*SPEAKING, REPLAY, BackendContract.test_synthesize_takes_one_text},
        "an async generator, which cannot be awaited",
    ),
    "speaks with the latest synthesizer's voice": Wrong(
        "self.voice = str(voice)",
        "self.voice = type(self).latest = str(voice)",
        {BackendContract.test_declared_option_is_heard},
        "a synthesizer keeps its own settings when another is made with voice='bert'",
        more=(("crc32(self.voice", "crc32(self.latest"),),
    ),
    "ignores its voice": Wrong(
        "crc32(self.voice.encode())",
        "crc32(b'')",
        {BackendContract.test_declared_option_is_heard},
        "has other audio with voice='bert'",
    ),
    "speaks only the beginning": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "text = text[:1000]\n        await asyncio.sleep(len(text) / 100000)",
        {ODD_TEXT},
        "a long text is spoken completely, or refused",
    ),
    "raises SynthesisError itself": Wrong(
        "self.attempts.error(TextRejectedError,",
        "self.attempts.error(__import__('russo').SynthesisError,",
        {ODD_TEXT},
        "a failure is a subclass of SynthesisError",
    ),
    "exits the process": Wrong(
        "if not text.strip():",
        "if not text.isascii():\n            raise SystemExit(3)\n        if not text.strip():",
        {ODD_TEXT},
        "SystemExit: 3",
    ),
    "prints": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'print("speaking ...")\n        await asyncio.sleep(len(text) / 100000)',
        {BackendContract.test_speaking_says_nothing},
        "speaking prints nothing",
    ),
    "warns": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("warnings").warn("voices are downloaded")\n        await asyncio.sleep(len(text) / 100000)',
        {BackendContract.test_speaking_says_nothing},
        "speaking raises no warnings",
    ),
    "ignores its timeout": Wrong(
        "timeout=timeout",
        "timeout=1e9",
        {BackendContract.test_timeout_ends_a_call},
        "ends a call that takes",
    ),
}
