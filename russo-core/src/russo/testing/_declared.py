"""What a backend's author declares, and how the checks make synthesizers of it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

import pytest

from .. import Audio, SynthesisError
from .._backends import installed_backends
from ._expect import expect, refuse
from ._loopback import LoopbackServer
from ._running import within
from ._service import HttpService
from ._sound import speech_pcm

_NEEDED: Final = ("api_key", "base_url", "timeout", "max_attempts")
PLANTED_KEY: Final = "planted-0f7c1e9ab2d84c6d-key"
SAMPLES: Final = speech_pcm()

Make = Callable[..., Any]


class Declared:
    """The declarations of `BackendContract`, and the fixtures of its checks."""

    backend: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    declared: ClassVar[Mapping[str, Any]] = {}
    undeclared: ClassVar[Mapping[str, Any]] = {}
    sdk: ClassVar[tuple[str, ...]] = ()
    service: ClassVar[HttpService | None] = None
    patience: ClassVar[float] = 60.0
    prompt: ClassVar[str] = "Book a flight from Berlin to Rome"

    @pytest.fixture
    def make_synthesizer(self) -> Make:
        """Return a function of options that makes a synthesizer; the one fixture to give."""
        pytest.fail(
            f"{type(self).__name__} gives no fixture make_synthesizer: a function of options that makes a "
            "synthesizer, such as `lambda **options: AcmeSynthesizer(**options)`",
            pytrace=False,
        )

    @pytest.fixture
    def make(self, make_synthesizer: Make) -> Make:
        """`make_synthesizer`, with the class's ``options`` under those that a check gives."""
        return lambda **options: make_synthesizer(**{**self.options, **options})

    @pytest.fixture
    def server(self) -> Iterator[LoopbackServer | None]:
        """The service behind the backend, which speaks; ``None`` where none is declared."""
        if self.service is None:
            yield None
            return
        with LoopbackServer(self.service.good(SAMPLES)) as server:
            yield server

    @pytest.fixture
    def speaking(self, make: Make, server: LoopbackServer | None) -> Make:
        """`make`, for a synthesizer that can speak: by the loopback server, with a planted key."""
        if self.service is None or server is None:
            return make
        self._check_needed()
        reach = {"base_url": self.service.base_url(server.url), "api_key": PLANTED_KEY}
        return lambda **options: make(**{**reach, **options})

    def _check_needed(self) -> None:
        """Refuse a backend that cannot be led to the loopback server, before it is made in vain."""
        missing = [name for name in _NEEDED if name not in inspect.signature(self.factory).parameters]
        expect(
            not missing,
            f"a backend that calls a service takes the options {', '.join(_NEEDED)}",
            f"{', '.join(missing)} missing from {inspect.signature(self.factory)}",
            "one line of configuration, a gateway's address say, is written alike for every backend",
        )

    @property
    def factory(self) -> Callable[..., Any]:
        """What the entry point leads to."""
        entries = installed_backends().get(self.backend, ())
        if len(entries) != 1:
            refuse(
                f"one installed package registers {self.backend!r} under russo.synthesizers",
                f"{[entry.value for entry in entries]}; installed: {list(installed_backends())}",
                "pytest --russo-synth and load_synthesizer find a backend by that name alone",
            )
        factory: Callable[..., Any] = entries[0].load()
        return factory

    @property
    def credentials(self) -> tuple[str, ...]:
        """The environment variables that may hold the key, as the class names them."""
        return tuple(getattr(self.factory, "credentials", ()))

    @property
    def all_options(self) -> dict[str, Any]:
        """Every option that is declared or undeclared, with its value that is not the default."""
        return {**self.declared, **self.undeclared}

    def speak(self, synthesizer: Any, text: str | None = None) -> Audio:
        """Speak the prompt, or another text, in an event loop of its own; a failure is one of the test."""
        text = self.prompt if text is None else text
        try:
            audio: Audio = within(lambda: synthesizer.synthesize(text), self.patience)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises is what is told
            refuse(
                f"the synthesizer speaks {text[:60]!r}",
                error,
                "the checks need a synthesizer that can speak; see make_synthesizer and service",
            )
        return audio

    def failed(self, synthesizer: Any, text: str | None = None) -> SynthesisError:
        """Return the error with which speaking fails; one beyond the tree, or none, fails the test."""
        text = self.prompt if text is None else text
        try:
            audio = within(lambda: synthesizer.synthesize(text), self.patience)
        except SynthesisError as error:
            return error
        except Exception as error:  # noqa: BLE001 - that it is another is what is checked
            wanted = "every failure is a russo.SynthesisError, an SDK's exception chained behind it"
            refuse(wanted, error, "users catch one tree, and the retries, the log and the summary read it")
        return refuse(
            "this call fails", f"{audio!r}", "a failure that passes for speech is recorded for ever"
        )


class ServiceDeclared(Declared):
    """The fixtures of checks that are skipped where no ``service`` is declared."""

    @pytest.fixture
    def http(self) -> HttpService:
        """The declared service; skips the check where there is none."""
        if self.service is None:
            pytest.skip("no service is declared: the checks of requests, failures and keys do not apply")
        self._check_needed()
        return self.service

    @pytest.fixture
    def calling(self, http: HttpService, speaking: Make) -> Make:
        """`speaking`, where a service is declared."""
        return speaking

    @pytest.fixture
    def running(self, http: HttpService, server: LoopbackServer | None) -> LoopbackServer:
        """The server of the declared service."""
        assert server is not None, "`http` skips where there is none"
        return server


def fields_of(synthesizer: Any) -> dict[str, Any]:
    """Return what a synthesizer declares, as a dict."""
    fields = getattr(synthesizer, "cache_key_extra", None)
    if not isinstance(fields, Mapping):
        refuse(
            "cache_key_extra is a mapping of every setting that shapes the sound",
            f"{type(synthesizer).__name__}.cache_key_extra is {fields!r:.200}",
            "settings that are not in the key replay the old voice when they are changed",
        )
    return dict(fields)


def as_json(fields: Mapping[str, Any]) -> str:
    """Return fields as JSON with sorted names; what is no JSON value as its repr."""
    return json.dumps(fields, sort_keys=True, default=repr)
