"""The declarations of a backend's author, and how the checks make and call synthesizers."""

from __future__ import annotations

import inspect
import json
import os
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
from .deadlines import BACKEND_EXCEPTIONS, call_within, run_within
from .errors import check_error
from .expect import expect, refuse
from .planted_key import PLANTED_KEY, captured_output
from .reasons import FOUND_BY_NAME, MAY_BE_BILLED, STALE_KEY
from .texts import holds

_SERVICE_OPTIONS: Final = ("base_url", "timeout", "max_attempts")
SAMPLES: Final = speech_pcm()
CROWD: Final = 24  # calls at once, more than any limit on concurrent calls

Make = Callable[..., Any]


class ContractBase:
    """Holds the declarations of `BackendContract` and the fixtures of its checks."""

    backend: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    declared: ClassVar[Mapping[str, Any]] = {}
    undeclared: ClassVar[Mapping[str, Any]] = {}
    sdk: ClassVar[tuple[str, ...]] = ()
    service: ClassVar[HttpService | None] = None
    calls_real_service: ClassVar[bool] = False
    patience: ClassVar[float] = 60.0
    prompt: ClassVar[str] = "Book a flight from Berlin to Rome"

    @pytest.fixture
    def make_synthesizer(self) -> Make:
        """Return a function of options that makes a synthesizer; the author must override this fixture."""
        pytest.fail(
            f"{type(self).__name__} has no fixture make_synthesizer, which returns a function of "
            "options that makes a "
            "synthesizer, such as `lambda **options: AcmeSynthesizer(**options)`",
            pytrace=False,
        )

    @pytest.fixture
    def make(self, make_synthesizer: Make) -> Make:
        """Return `make_synthesizer` with a time limit; a check's options override the class's ``options``."""

        def make(**options: Any) -> Any:
            try:
                return call_within(
                    lambda: make_synthesizer(**{**self.options, **options}),
                    self.patience,
                    "constructing ends",
                )
            except Exception as error:
                if options:
                    raise
                refuse(
                    "a synthesizer can be made without options, except for `options` of the test class",
                    error,
                    "a run that only replays has no key; work that is costly or may fail must wait "
                    "for the first miss",
                )

        return make

    @pytest.fixture
    def server(self) -> Iterator[LoopbackServer | None]:
        """Run the declared service on a loopback server; ``None`` if no service is declared."""
        if self.service is None:
            yield None
            return
        with self.service.serve(self.service.good(SAMPLES)) as server:
            yield server

    @pytest.fixture
    def speaking(self, make: Make, server: LoopbackServer | None) -> Make:
        """Return `make` for synthesizers that can speak: by the loopback server, with a planted key."""
        if self.service is None or server is None:
            self._check_no_real_key()
            return make
        self._check_service_options()
        reachable = {"base_url": self.service.base_url(server.url)}
        if self.accepts("api_key"):
            reachable["api_key"] = PLANTED_KEY
        return lambda **options: make(**{**reachable, **options})

    def _check_no_real_key(self) -> None:
        """Fail the test instead of calling a real service with a real key, unless the author asks for it."""
        found = [name for name in self.credentials if os.environ.get(name)]
        expect(
            not found or self.calls_real_service,
            "a backend with a key declares its `service`, or `calls_real_service = True` in the test class",
            f"{', '.join(found)} set, but no service declared",
            "the checks make more than a hundred calls, and the real service bills each",
        )

    def _check_service_options(self) -> None:
        """Fail the test if the backend lacks an option that is needed to use the loopback server."""
        takes_key = self.service is not None and (self.service.sent_key is not None or self.credentials)
        needed = ("api_key", *_SERVICE_OPTIONS) if takes_key else _SERVICE_OPTIONS
        missing = [name for name in needed if not self.accepts(name)]
        expect(
            not missing,
            f"a backend that calls a service takes the options {', '.join(needed)}",
            f"{', '.join(missing)} missing from {inspect.signature(self.factory)}",
            "users write the same option, such as the address of a gateway, for every backend",
        )

    @property
    def factory(self) -> Callable[..., Any]:
        """The class or function that the entry point names."""
        entries = installed_backends().get(self.backend, ())
        if len(entries) != 1:
            refuse(
                f"one installed package registers {self.backend!r} under russo.synthesizers",
                f"{[entry.value for entry in entries]}; installed: {list(installed_backends())}",
                FOUND_BY_NAME,
            )
        wanted = f"the entry point {self.backend!r} ({entries[0].value}) makes"
        try:
            factory = entries[0].load()
        except Exception as error:  # noqa: BLE001 - the import of a module may raise anything
            refuse(f"{wanted} synthesizers", error, FOUND_BY_NAME)
        if not callable(factory):
            refuse(f"{wanted} synthesizers", f"it leads to {factory!r:.200}", FOUND_BY_NAME)
        return factory  # type: ignore[no-any-return]

    def accepts(self, option: str) -> bool:
        """Return whether the backend has an option of this name."""
        return option in inspect.signature(self.factory).parameters

    @property
    def credentials(self) -> tuple[str, ...]:
        """The environment variables that may hold the key, from the class attribute ``credentials``."""
        return api_key_variables(self.factory) or ()

    @property
    def all_options(self) -> dict[str, Any]:
        """Every declared and undeclared option, each with a value that is not its default."""
        return {**self.declared, **self.undeclared}

    @property
    def one_at_a_time(self) -> dict[str, Any]:
        """The option that limits the backend to one call at a time, or nothing if it has no such option.

        With a limit of one, a call that does not release its slot blocks the next call.
        """
        return {"max_concurrency": 1} if self.accepts("max_concurrency") else {}

    def carries(self, request: Request, text: str) -> bool:
        """Return whether a request holds a text, perhaps beside other texts."""
        read = None if self.service is None else self.service.text_of
        return holds(request, text) if read is None else read(request) == text

    def call(self, synthesizer: Any, text: str | None = None) -> Audio:
        """Return the audio of a text, the prompt by default, from a new event loop; errors are raised."""
        return run_within(
            lambda: synthesize(synthesizer, self.prompt if text is None else text), self.patience
        )

    def speak(self, synthesizer: Any, text: str | None = None, *, when: str = "") -> Audio:
        """Return the audio of a text; an error of the synthesizer fails the test.

        Args:
            synthesizer: The synthesizer.
            text: ``None`` means the prompt.
            when: The situation, for the message.
        """
        try:
            return self.call(synthesizer, text)
        except BACKEND_EXCEPTIONS as error:
            spoken = self.prompt if text is None else text
            refuse(
                f"the synthesizer speaks {spoken[:60]!r}{when and f', {when}'}",
                error,
                "the checks need a synthesizer that can speak; see make_synthesizer and service",
            )

    def error_of(self, synthesizer: Any, text: str | None = None, *, when: str) -> SynthesisError:
        """Return the `SynthesisError` that a call raises, after `check_error`; see `speak`.

        The test fails if the call returns audio or raises another exception.
        """
        error = self.audio_or_error(synthesizer, text, when=when)
        if not isinstance(error, SynthesisError):
            refuse(
                f"a call fails ({when})",
                f"{error!r}",
                "a failure that looks like speech would be stored and replayed forever",
            )
        return error

    def audio_or_error(
        self, synthesizer: Any, text: str | None = None, *, when: str
    ) -> Audio | SynthesisError:
        """Return the audio of a text, or the `SynthesisError` that the call raised, after `check_error`."""
        text = self.prompt if text is None else text
        with captured_output() as output:
            outcome = self._call_outcome(synthesizer, text, when)
        for each in output.warned:  # warnings that the user turned into errors must still raise
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        if isinstance(outcome, SynthesisError):
            check_error(outcome, [self.backend, *wrapped_backend(synthesizer)], text, output)
        return outcome

    def _call_outcome(self, synthesizer: Any, text: str, when: str) -> Audio | SynthesisError:
        """Return the audio or the `SynthesisError`; another exception fails the test."""
        try:
            return self.call(synthesizer, text)
        except SynthesisError as error:
            return error
        except BACKEND_EXCEPTIONS as error:
            refuse(
                "a text is spoken, or refused by a russo.SynthesisError that is chained to the SDK's "
                f"error ({when})",
                error,
                "users catch these classes, and the retries, the log and the summary depend on them",
            )


class ServiceContractBase(ContractBase):
    """Holds the fixtures of checks that are skipped if no ``service`` is declared."""

    @pytest.fixture
    def http(self) -> HttpService:
        """Return the declared service; skip the check if no service is declared."""
        if self.service is None:
            pytest.skip("no service is declared: the checks of requests, failures and keys do not apply")
        self._check_service_options()
        return self.service

    @pytest.fixture
    def loopback(self, http: HttpService, server: LoopbackServer | None) -> LoopbackServer:
        """Return the loopback server of the declared service; skip the check if no service is declared."""
        assert server is not None, "the fixture `http` skips the check if there is no service"
        return server

    def last_request(self, server: LoopbackServer) -> Request:
        """Return the last request that arrived; fail the test if none did."""
        if not server.requests:
            refuse(
                "a call makes a request of the service",
                "no request came, but the call returned audio",
                "a backend's own cache may return audio of another voice, key or text; russo caches "
                "the audio itself",
            )
        return server.requests[-1]

    def expect_one_retry(self, loopback: LoopbackServer, *, calls: int = 1) -> None:
        """Fail the test unless each call made two requests."""
        requests = len(loopback.requests)
        expect(requests == 2 * calls, "one retry makes 2 requests", f"{requests / calls:g}", MAY_BE_BILLED)


def expect_connections_closed(server: LoopbackServer | None, wanted: str, why: str) -> None:
    """Fail the test if a connection to the server, if there is one, stays open."""
    if server is not None:
        expect(server.wait_closed(), wanted, "one is open", why)


async def synthesize(synthesizer: Any, text: str) -> Audio:
    """Return the audio that ``synthesize`` gives when awaited; fail the test if it is not awaitable."""
    speech = synthesizer.synthesize(text)
    if not inspect.isawaitable(speech):
        refuse(
            "a synthesizer has `async def synthesize(self, text: str) -> Audio`",
            f"{type(synthesizer).__name__}.synthesize returns {speech!r:.200}",
            "russo and users await its result",
        )
    audio: Audio = await speech
    return audio


def made_or_none(make: Make, **options: Any) -> Any:
    """Return a synthesizer, or ``None`` if its constructor refuses these options."""
    try:
        return make(**options)
    except Exception:  # noqa: BLE001 - a constructor may refuse options with any exception
        return None


def fields_of(synthesizer: Any) -> dict[str, Any]:
    """Return ``cache_key_extra`` of a synthesizer as a dict; fail the test if it is not a mapping."""
    wanted = "cache_key_extra is a mapping of every setting that shapes the sound"
    try:
        fields = synthesizer.cache_key_extra
    except Exception as error:  # noqa: BLE001 - a property may raise anything, an AttributeError too
        refuse(wanted, error, STALE_KEY)
    if not isinstance(fields, Mapping):
        refuse(wanted, f"{type(synthesizer).__name__}.cache_key_extra is {fields!r:.200}", STALE_KEY)
    return dict(fields)


def wrapped_backend(synthesizer: Any) -> list[str]:
    """Return the backend name that a wrapper forwards from the wrapped synthesizer, or an empty list."""
    fields = getattr(synthesizer, "cache_key_extra", None)
    attributes = getattr(synthesizer, "__dict__", {}).values()
    inner = [each for each in attributes if callable(getattr(each, "synthesize", None))]
    forwarded = any(getattr(each, "cache_key_extra", None) == fields for each in inner)
    return [fields["backend"]] if forwarded and isinstance(fields, Mapping) and "backend" in fields else []


def as_json(fields: Mapping[str, Any]) -> str:
    """Return fields as JSON with sorted names; a value that JSON does not have becomes its repr."""
    return json.dumps(fields, sort_keys=True, default=repr)
