"""`AcmeSynthesizer` runs the command espeak-ng: the text goes to its stdin, WAV comes from its stdout.

Nothing may run espeak-ng before a miss, because a hit must work without it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from russo import Audio, RequestRejectedError, ServiceError, SynthesisError, TextRejectedError
from russo.authoring import Attempts, Range, check_path, wav_audio

_WORDS_PER_MINUTE: Final = 175  # espeak-ng's own pace
_SPEED: Final = Range(0.5, 2.0)
_PITCH: Final = Range(0, 99)
_INSTALL: Final = "install it (apt-get install espeak-ng, brew install espeak-ng) into a directory of PATH"


class AcmeSynthesizer:
    """Speaks by espeak-ng: 22.05 kHz, 16-bit, mono WAV, the same bytes for the same settings.

    Args:
        model: The release of espeak-ng, because releases sound different. It is part of the key, so it
            cannot be read from the program; it is checked before the program speaks.
        voice: A voice, with a variant or without: ``en``, ``de``, ``en-us+f3``.
        speed: Pace, 0.5 (slow) to 2.0 (fast).
        pitch: 0 (low) to 99 (high).
        timeout: Seconds for one prompt.
        max_concurrency: Prompts at once; each keeps one CPU core busy.

    Raises:
        ValueError: A number is outside its range, or a voice name is impossible.
    """

    russo_api = 1
    credentials: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        model: str = "espeak-ng 1.51",
        voice: str = "en",
        speed: Annotated[float, _SPEED] = 1.0,
        pitch: Annotated[int, _PITCH] = 50,
        timeout: float = 60.0,
        max_concurrency: int = 2,
    ) -> None:
        self.model: Final = str(model)
        self.voice: Final = check_path("voice", voice, inside="+/")
        self.speed: Final = _SPEED.check("speed", speed)
        self.pitch: Final = int(_PITCH.check("pitch", pitch))
        # One attempt: a program that failed on this machine fails again.
        self._attempts: Final = Attempts(
            "acme", model=self.model, timeout=timeout, max_attempts=1, max_concurrency=max_concurrency
        )

    def __repr__(self) -> str:
        return (
            f"AcmeSynthesizer(model={self.model!r}, voice={self.voice!r}, speed={self.speed!r}, "
            f"pitch={self.pitch!r})"
        )

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """Everything that shapes the sound."""
        return {
            "backend": "acme",
            "model": self.model,
            "voice": self.voice,
            "speed": self.speed,
            "pitch": self.pitch,
        }

    async def synthesize(self, text: str) -> Audio:
        """Speak a text.

        Raises:
            RequestRejectedError: The voice does not exist, or another release than ``model`` is installed.
            ServiceError: espeak-ng is not installed, or it failed.
            SynthesisTimeoutError: It took longer than ``timeout``.
            TextRejectedError: Nothing in the text can be spoken, or it contains a NUL, where espeak-ng stops.
        """
        return await self._attempts.run(text, lambda: self._speak(text))

    async def _speak(self, text: str) -> Audio:
        if "\0" in text:
            what = f"character {text.index(chr(0))} is a NUL, where espeak-ng would stop reading"
            raise self._error(TextRejectedError, what, text)
        await self._check_model(text)
        pace = round(self.speed * _WORDS_PER_MINUTE)
        shape = ("-v", self.voice, "-s", str(pace), "-p", str(self.pitch))
        sound = await self._run(text, "--stdin", "--stdout", "-b1", *shape, stdin=text.encode())
        try:
            return wav_audio(sound)  # espeak-ng writes the header before it knows the length
        except ValueError as error:
            raise self._error(TextRejectedError, f"espeak-ng makes no sound of it: {error}", text) from error

    async def _check_model(self, text: str) -> None:
        said = await self._run(text, "--version")
        release = re.search(rb"text-to-speech: (\S+)", said)
        model = f"espeak-ng {release[1].decode()}" if release else f"a program that says {said[:80]!r}"
        if model != self.model:
            advice = f"install {self.model}, or choose model={model!r} and record with that"
            raise self._error(RequestRejectedError, f"{model} is installed", text, advice)

    async def _run(self, text: str, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run espeak-ng and return its output; a cancellation or a timeout ends the program."""
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                "espeak-ng", *arguments, stdin=pipe, stdout=pipe, stderr=pipe
            )
        except OSError as error:
            what = f"espeak-ng cannot be started: {error}"
            raise self._error(ServiceError, what, text, _INSTALL) from error
        try:
            output, said = await process.communicate(stdin)
        finally:
            if process.returncode is None:  # cancelled, or out of time
                process.kill()
                await process.communicate()
        if process.returncode:
            lines = said.decode(errors="replace").split("\n")
            kind = RequestRejectedError if b"voice" in said else ServiceError
            raise self._error(kind, f"espeak-ng ended with {process.returncode}, {lines[0]!r}", text)
        return output

    def _error(
        self, kind: type[SynthesisError], what: str, text: str, advice: str | None = None
    ) -> SynthesisError:
        """Build the error for a failure of the program that a retry would repeat."""
        return self._attempts.error(kind, what, prompt=text, advice=advice, retryable=False, reached=False)
