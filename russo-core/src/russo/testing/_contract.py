"""`BackendContract`: the contract of a backend as tests, which the backend's author inherits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from ._checks.api_keys import BAD_KEYS, ApiKeyChecks
from ._checks.cancellation import CancellationChecks
from ._checks.cleanup import CleanupChecks
from ._checks.concurrency import ConcurrencyChecks
from ._checks.fresh_process import FreshProcessChecks
from ._checks.options import OptionChecks
from ._checks.replies import LOST, NO_AUDIO, NO_SOUND, ReplyChecks
from ._checks.retries import STATUSES, RetryChecks
from ._checks.sent import SentChecks
from ._checks.signature import SignatureChecks
from ._checks.speech import SpeechChecks
from ._checks.texts import ODD_TEXTS

# Checks are parametrized by these arguments. Without a service, a check with an argument in _REQUESTS is
# skipped once.
_SPEECH: Mapping[str, Iterable[str]] = {"odd_text": ODD_TEXTS}
_REQUESTS: Mapping[str, Iterable[str]] = {
    "bad_key": BAD_KEYS,
    "lost": LOST,
    "silent": ("start", "headers", "body", "by drops"),
    "no_audio": NO_AUDIO,
    "no_sound": NO_SOUND,
    "key_from": ("option", "variable"),
    "status": [str(status) for status in STATUSES],
}


# pytest collects the last base class first: list the most basic checks last.
class BackendContract(
    ApiKeyChecks,
    ReplyChecks,
    RetryChecks,
    SentChecks,
    CleanupChecks,
    CancellationChecks,
    ConcurrencyChecks,
    SpeechChecks,
    FreshProcessChecks,
    OptionChecks,
    SignatureChecks,
):
    """The contract of a backend as tests; inherit it in a class whose name pytest collects.

        class TestAcme(BackendContract):
            backend = "acme"
            declared = {"voice": "de", "speed": 1.5}
            undeclared = {"timeout": 7.5}
            sdk = ("acme_sdk",)

            @pytest.fixture
            def make_synthesizer(self):
                return lambda **options: AcmeSynthesizer(**options)

    Install the backend's package first, so that its entry point is found. If the backend calls a service over
    HTTP or a websocket, declare the service with `HttpService` or `WebSocketService`; a loopback server then
    answers instead of the service. A command or a model that the backend uses must be installed. The checks
    take some seconds.

    Attributes:
        backend: The name of its entry point.
        options: Options that every construction gets, as JSON values.
        declared: Every option that shapes the sound, with a value that is not its default.
        undeclared: Every other option, with a value that is not its default. Checks also give all of them
            together.
        sdk: Modules, dotted or not, that constructing and replaying must not import.
        service: How the service behind the backend answers; ``None`` skips the checks of requests, failures
            and keys.
        calls_real_service: ``True`` lets the checks call a real service with a real key, more than a hundred
            times. Otherwise they fail if ``service`` is ``None`` and a variable of the key is set.
        patience: The limit in seconds for one call, and for 20 short calls at the same time.
        prompt: A short text that the backend can speak, and whose audio changes with each declared option.
    """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check once for each option, odd text or failure that it takes as an argument."""
        names = {"declared_option": self.declared, **_SPEECH, **_REQUESTS}
        if self.service is not None:
            names["failure"] = self.service.all_failures()
        for name in metafunc.fixturenames:
            if self.service is None and (name in _REQUESTS or name == "failure"):
                metafunc.parametrize(name, ["no service"])
            elif name in names:
                metafunc.parametrize(name, list(names[name]))
