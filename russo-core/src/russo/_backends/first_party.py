"""The names of the first-party backends. No other module of core names a vendor."""

from __future__ import annotations

from typing import Final

# Backends that have an extra of russo-core, for the hint if such a backend is not installed. The extra is the
# part of the name before a hyphen.
EXTRAS: Final = ("google", "openai", "openai-speech", "elevenlabs", "local")
# What else a user may write for a backend: its vendor's products, packages and short names.
_WORDS: Final = {
    "google": "gemini gemini-tts genai google-genai vertex vertexai vertex-ai",
    "openai": "gpt chatgpt realtime gpt-realtime openai-realtime",
    "openai-speech": "openai-tts gpt-4o-mini-tts tts-1 tts-1-hd",
    "elevenlabs": "eleven eleven-labs 11labs 11-labs xi",
    "local": "hibari hibari-tts offline",
}
ALIASES: Final = {word: name for name, words in _WORDS.items() for word in words.split()}
