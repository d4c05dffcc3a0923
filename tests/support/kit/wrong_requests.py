"""Service backends that send another text or option, or too many requests at once."""

from russo.testing import BackendContract
from support.kit.wrong import ODD_TEXT, Wrong

WRONG_REQUESTS = {
    "drops samples": Wrong(
        "return wav_audio(body)",
        "return pcm_audio(wav_audio(body).pcm()[2:], 24000)",
        {BackendContract.test_samples_arrive_untouched},
        "samples arrive untouched",
    ),
    "does not limit calls at once": Wrong(
        "max_concurrency=max_concurrency",
        "max_concurrency=20",
        {BackendContract.test_no_more_calls_at_once_than_max_concurrency},
        "with max_concurrency=3, 20 calls at once make 20 requests, 3 at once",
    ),
    "replaces surrogates in the text": Wrong(
        "async def synthesize(self, text):",
        'async def synthesize(self, text):\n        text = text.encode("utf-8", "replace").decode()',
        {BackendContract.test_text_that_cannot_be_sent_is_refused_before_any_call, ODD_TEXT},
        "a call fails (a lone surrogate)",
    ),
    "trims the text": Wrong(
        '"text": exchange.prompt',
        '"text": exchange.prompt.strip()',
        {ODD_TEXT},
        "the request holds exactly the text",
    ),
    "does not send the voice": Wrong(
        '"text": exchange.prompt, "voice": self.voice}',
        '"text": exchange.prompt}',
        {BackendContract.test_declared_option_is_sent},
        "the request changes with the option voice",
    ),
    "sends the latest synthesizer's voice": Wrong(
        "self.voice = str(voice)",
        "self.voice = type(self).latest = str(voice)",
        {BackendContract.test_declared_option_is_sent},
        "a synthesizer sends its own settings after another was made with voice='bert'",
        more=(('"voice": self.voice}).encode', '"voice": self.latest}).encode'),),
    ),
    "sends an undeclared style": Wrong(
        'voice: str = "anna",',
        'voice: str = "anna", style: str = "calm",',
        {BackendContract.test_undeclared_options_are_not_sent},
        "style does not change the request, or is declared",
        more=(
            ("self.api_key = api_key", "self.api_key, self.style = api_key, style"),
            ('"voice": self.voice}).encode', '"voice": self.voice, "style": self.style}).encode'),
            ('"timeout": 7.5,', '"timeout": 7.5, "style": "angry",'),
        ),
    ),
    "adds a full stop": Wrong(
        '"text": exchange.prompt,',
        '"text": exchange.prompt + ".",',
        {ODD_TEXT},
        "['.'] beside it",
    ),
    "sends a text for an empty prompt": Wrong(
        '"text": exchange.prompt,',
        '"text": exchange.prompt or "Hello",',
        {ODD_TEXT},
        "the request holds exactly the text ''",
    ),
    "merges two blanks": Wrong(
        '"text": exchange.prompt,',
        '"text": exchange.prompt.replace("  ", " "),',
        {ODD_TEXT},
        "the request holds exactly the text 'two  blanks'",
    ),
    "reports a local refusal as reached": Wrong(
        "async def synthesize(self, text):",
        "async def synthesize(self, text):\n        if not text.strip():\n"
        '            raise self.attempts.error(TextRejectedError, "nothing to say", prompt=text)',
        {ODD_TEXT},
        "the attribute `reached` of an error says whether a request was sent to the service",
    ),
    "hangs after three calls": Wrong(
        "async def attempt(self, exchange, key):",
        "async def attempt(self, exchange, key):\n        self.begun = getattr(self, 'begun', 0) + 1\n"
        "        if self.begun > 3 and self.attempts.max_concurrency == 3:\n            await asyncio.Event().wait()",
        {BackendContract.test_no_more_calls_at_once_than_max_concurrency},
        "with max_concurrency=3, 20 calls at once end within 2 s",
        more=(('    backend = "service"\n', '    backend = "service"\n    patience = 2.0\n'),),
    ),
    "fails after three calls": Wrong(
        "async def attempt(self, exchange, key):",
        "async def attempt(self, exchange, key):\n        self.begun = getattr(self, 'begun', 0) + 1\n"
        "        if self.begun > 3 and self.attempts.max_concurrency == 3:\n            raise KeyError('session')",
        {BackendContract.test_no_more_calls_at_once_than_max_concurrency},
        "KeyError: 'session'",
    ),
}
