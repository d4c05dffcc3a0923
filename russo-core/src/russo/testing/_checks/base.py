"""What a backend's author declares, and how the checks make synthesizers of it."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

import pytest

from ... import Audio, SynthesisError
from ..._backends.discovery import api_key_variables, installed_backends
from .._server.loopback import LoopbackServer
from .._server.request import Request
from .._server.service import HttpService
from .._sound import speech_pcm
from .deadlines import RAISED, in_time, within
from .errors import check_error
from .expect import expect, refuse
from .planted_key import PLANTED_KEY, listening
from .texts import holds

_NEEDED: Final = ("base_url", "timeout", "max_attempts")
_BY_NAME: Final = "pytest --russo-synth and load_synthesizer find a backend by that name alone"
SAMPLES: Final = speech_pcm()

_STALE: Final = "settings that are not in the key replay the old voice when they are changed"

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
        """`make_synthesizer` in bounded time, with the class's ``options`` under those that a check gives."""

        def make(**options: Any) -> Any:
            try:
                return in_time(
                    lambda: make_synthesizer(**{**self.options, **options}),
                    self.patience,
                    "constructing ends",
                )
            except Exception as error:
                if options:
                    raise
                refuse(
                    "a synthesizer is made without any option, beyond `options` of the test class",
                    error,
                    "whoever replays has no key; all that is costly or may fail waits for the first miss",
                )

        return make

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
        reach = {"base_url": self.service.base_url(server.url)}
        if self.accepts("api_key"):
            reach["api_key"] = PLANTED_KEY
        return lambda **options: make(**{**reach, **options})

    def _check_needed(self) -> None:
        """Refuse a backend that cannot be led to the loopback server, before it is made in vain."""
        keyed = self.service is not None and (self.service.sent_key is not None or self.credentials)
        needed = ("api_key", *_NEEDED) if keyed else _NEEDED
        missing = [name for name in needed if not self.accepts(name)]
        expect(
            not missing,
            f"a backend that calls a service takes the options {', '.join(needed)}",
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
                _BY_NAME,
            )
        wanted = f"the entry point {self.backend!r} ({entries[0].value}) makes"
        try:
            factory = entries[0].load()
        except Exception as error:  # noqa: BLE001 - whatever its module raises
            refuse(f"{wanted} synthesizers", error, _BY_NAME)
        if not callable(factory):
            refuse(f"{wanted} synthesizers", f"it leads to {factory!r:.200}", _BY_NAME)
        return factory  # type: ignore[no-any-return]

    def accepts(self, option: str) -> bool:
        """Tell whether the backend has an option of this name."""
        return option in inspect.signature(self.factory).parameters

    @property
    def credentials(self) -> tuple[str, ...]:
        """The environment variables that may hold the key, as the class names them."""
        return api_key_variables(self.factory) or ()

    @property
    def all_options(self) -> dict[str, Any]:
        """Every option that is declared or undeclared, with its value that is not the default."""
        return {**self.declared, **self.undeclared}

    @property
    def one_at_a_time(self) -> dict[str, Any]:
        """The option that lets one call in at once, where there is one: its place is soon missed."""
        return {"max_concurrency": 1} if self.accepts("max_concurrency") else {}

    def carries(self, request: Request, text: str) -> bool:
        """Tell whether a request holds a text, among others perhaps."""
        read = None if self.service is None else self.service.text_of
        return holds(request, text) if read is None else read(request) == text

    def call(self, synthesizer: Any, text: str | None = None) -> Audio:
        """Speak the prompt, or another text, in an event loop of its own; what it raises is raised."""
        return within(lambda: asked(synthesizer, self.prompt if text is None else text), self.patience)

    def speak(self, synthesizer: Any, text: str | None = None, *, when: str = "") -> Audio:
        """Speak the prompt, or another text; a failure is one of the test.

        Args:
            synthesizer: The synthesizer.
            text: ``None`` is the prompt.
            when: The situation, for the message.
        """
        try:
            return self.call(synthesizer, text)
        except RAISED as error:
            said = self.prompt if text is None else text
            refuse(
                f"the synthesizer speaks {said[:60]!r}{when and f', {when}'}",
                error,
                "the checks need a synthesizer that can speak; see make_synthesizer and service",
            )

    def failed(self, synthesizer: Any, text: str | None = None, *, when: str) -> SynthesisError:
        """Return the error with which speaking fails, checked as every error is; see `speak`.

        One beyond the tree, or none, fails the test.
        """
        error = self.refused(synthesizer, text, when=when)
        if not isinstance(error, SynthesisError):
            refuse(
                f"a call fails ({when})",
                f"{error!r}",
                "a failure that passes for speech is recorded for ever",
            )
        return error

    def refused(self, synthesizer: Any, text: str | None = None, *, when: str) -> Audio | SynthesisError:
        """Return what is spoken, or the error, which is checked as every error is."""
        text = self.prompt if text is None else text
        with listening() as said:
            outcome = self._outcome(synthesizer, text, when)
        for each in said.warned:  # where warnings are errors they still are
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        if isinstance(outcome, SynthesisError):
            check_error(outcome, [self.backend, *wrapped_backend(synthesizer)], text, said)
        return outcome

    def _outcome(self, synthesizer: Any, text: str, when: str) -> Audio | SynthesisError:
        try:
            return self.call(synthesizer, text)
        except SynthesisError as error:
            return error
        except RAISED as error:
            refuse(
                f"a text is spoken, or refused by a russo.SynthesisError, the SDK's behind it ({when})",
                error,
                "users catch one tree, and the retries, the log and the summary read it",
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

    def last(self, server: LoopbackServer) -> Request:
        """The last request that came."""
        if not server.requests:
            refuse(
                "a call makes a request of the service",
                "none came, and yet it spoke",
                "what is kept for later calls is another's voice, key or text; russo keeps what was spoken",
            )
        return server.requests[-1]


async def asked(synthesizer: Any, text: str) -> Audio:
    """Await what ``synthesize`` returns, which must be awaitable."""
    speech = synthesizer.synthesize(text)
    if not inspect.isawaitable(speech):
        refuse(
            "`async def synthesize(self, text: str) -> Audio`: what it returns is awaited",
            f"{type(synthesizer).__name__}.synthesize returns {speech!r:.200}",
            "russo awaits it, and users do",
        )
    audio: Audio = await speech
    return audio


def made(make: Make, **options: Any) -> Any:
    """Make a synthesizer; ``None`` where these options are refused, alone say."""
    try:
        return make(**options)
    except Exception:  # noqa: BLE001 - a refusal is its constructor's, in whatever words
        return None


def fields_of(synthesizer: Any) -> dict[str, Any]:
    """Return what a synthesizer declares, as a dict."""
    wanted = "cache_key_extra is a mapping of every setting that shapes the sound"
    try:
        fields = synthesizer.cache_key_extra
    except Exception as error:  # noqa: BLE001 - an AttributeError of its own is not a missing mapping
        refuse(wanted, error, _STALE)
    if not isinstance(fields, Mapping):
        refuse(wanted, f"{type(synthesizer).__name__}.cache_key_extra is {fields!r:.200}", _STALE)
    return dict(fields)


def wrapped_backend(synthesizer: Any) -> list[str]:
    """Return the backend of the synthesizer that this one wraps and whose mapping it forwards, if any."""
    fields = getattr(synthesizer, "cache_key_extra", None)
    attributes = getattr(synthesizer, "__dict__", {}).values()
    inner = [each for each in attributes if callable(getattr(each, "synthesize", None))]
    forwarded = any(getattr(each, "cache_key_extra", None) == fields for each in inner)
    return [fields["backend"]] if forwarded and isinstance(fields, Mapping) and "backend" in fields else []


def as_json(fields: Mapping[str, Any]) -> str:
    """Return fields as JSON with sorted names; what is no JSON value as its repr."""
    return json.dumps(fields, sort_keys=True, default=repr)
