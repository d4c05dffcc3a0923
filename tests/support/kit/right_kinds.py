"""Patches that turn the correct backends into other correct ones: another format, no key, SSML."""

GIVEN = 'pcm_audio(struct.pack("<hh", loud, -loud) * round(80 * len(text) / self.speed), 8000)'
WRITTEN = "__import__('russo._wav')._wav.write_wav"
RIGHT_ENGINES = {
    "WAV of floats": [
        (
            GIVEN,
            f"Audio({WRITTEN}(struct.pack('<ff', loud / 9e4, -loud / 9e4) * round(80 * len(text) / self.speed), 8000, "
            "sample_width=4, tag=3), 'wav', 8000, 1, 4)",
        ),
    ],
    "WAV of the telephone": [
        (
            GIVEN,
            f"Audio({WRITTEN}(bytes([loud % 128, 200]) * round(80 * len(text) / self.speed), 8000, "
            "sample_width=1, tag=7), 'wav', 8000, 1, 1)",
        ),
    ],
    "a wrapper": [
        (
            "self.api_key = api_key",
            "self.api_key = api_key\n        from russo.testing import FakeSynthesizer\n        self.inner = FakeSynthesizer("
            "cache_key_extra={'backend': 'inner', 'voice': self.voice, 'speed': self.speed})",
        ),
        (
            'return {"backend": "engine", "voice": self.voice, "speed": self.speed}',
            "return self.inner.cache_key_extra",
        ),
        ("await self.attempts.run(text, lambda: self.attempt(text))", "await self.inner.synthesize(text)"),
    ],
    "a prompt of many letters": [
        (
            "    patience = 2.0\n",
            "    patience = 2.0\n    prompt = 'It\\'s \"Rome\", where I would like to fly to, ' * 2\n",
        )
    ],
}
BODY = 'json.dumps({"text": exchange.prompt, "voice": self.voice}).encode()'
READ = "        failures={"
PARTS = (
    "await self.attempts.run(text, lambda: self.attempt(Exchange(self.attempts, text, key), key))",
    "join_wav([await self.attempts.run(text, lambda: self.attempt(Exchange(self.attempts, part, key), key)) "
    "for part in (text[at : at + 2000] for at in range(0, max(1, len(text)), 2000))])",
)
RIGHT_SERVICES = {
    "no key": [
        ("        api_key: str | None = None,\n", ""),
        ("        self.api_key = api_key\n", ""),
        ('    credentials = ("SERVICE_KEY", "SERVICE_OTHER_KEY")\n', ""),
        ('read_api_key(self.attempts, text, self.api_key, "SERVICE_KEY", "SERVICE_OTHER_KEY")', '""'),
        ('        "api_key": "another-key",\n', ""),
        ('        sent_key=lambda request: request.headers["x-key"],\n', ""),
    ],
    "a key in the query": [
        ("POST /speak HTTP", "POST /speak?key={key} HTTP"),
        ("X-Key: {key}\\r\\n", ""),
        ('request.headers["x-key"]', 'request.query["key"]'),
    ],
    "SSML": [
        (
            BODY,
            "f'<speak><voice name=\"{self.voice}\">{escape(exchange.prompt)}</voice></speak>'.encode()",
        ),
        ("import json\n", "from xml.sax.saxutils import escape\n"),
        (
            READ,
            "        text_of=lambda request: html.unescape(request.body.decode().split('>', 2)[2].rsplit('</', 2)[0]),\n"
            f"{READ}",
        ),
        ("import pytest\nfrom russo import", "import html\n\nimport pytest\nfrom russo import"),
    ],
    "a text in the path": [
        (BODY, "self.voice.encode()"),
        ("POST /speak HTTP", "POST /speak/{quote(exchange.prompt, safe='')} HTTP"),
        ("import urlsplit", "import quote, urlsplit"),
        (READ, f"        text_of=lambda request: unquote(request.path[7:]),\n{READ}"),
        (
            "import pytest\nfrom russo import",
            "from urllib.parse import unquote\n\nimport pytest\nfrom russo import",
        ),
    ],
    "a long text in parts": [
        PARTS,
        ("import Attempts, Exchange, ", "import Attempts, Exchange, join_wav, "),
        (READ, f"        text_of=lambda request: request.json['text'],\n{READ}"),
    ],
}
