"""`BackendContract`: what the author of a backend inherits to prove it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from ._checks.api_keys import BAD_KEYS, KeyChecks
from ._checks.cancellation import CancelChecks
from ._checks.cleanup import LeavingChecks
from ._checks.concurrency import CrowdChecks
from ._checks.fresh_process import ProcessChecks
from ._checks.options import OptionChecks
from ._checks.replies import LOST, NO_AUDIO, NO_SOUND, ReplyChecks
from ._checks.retries import STATUSES, AttemptChecks
from ._checks.sent import RequestChecks
from ._checks.signature import AuthorChecks
from ._checks.speech import SpeechChecks
from ._checks.texts import ODD_TEXTS

# What each of these arguments of a check goes through; a check of requests is run once where it is skipped.
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


# pytest runs what the last of these holds first, so the plainest faults stand last.
class BackendContract(
    KeyChecks,
    ReplyChecks,
    AttemptChecks,
    RequestChecks,
    LeavingChecks,
    CancelChecks,
    CrowdChecks,
    SpeechChecks,
    ProcessChecks,
    OptionChecks,
    AuthorChecks,
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

    The package is installed, so that its entry point is found. What it calls is a service that `HttpService`
    declares and a loopback server plays, or is there, as a command or a model is. The checks take some
    seconds.

    Attributes:
        backend: The name of its entry point.
        options: Options that every construction gets, as JSON values.
        declared: Every option that shapes the sound, with a value that is not its default.
        undeclared: Every other option, likewise; they are given all at once.
        sdk: Modules, dotted or not, that constructing and replaying must not import.
        service: How the service behind it answers; ``None`` skips the checks of requests, failures and keys.
        patience: Seconds that one call may take at most, and 20 short calls at once.
        prompt: A short text that it can speak, and in which its options are heard.
    """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check once for each option, odd text or failure that it asks for."""
        names = {"declared_option": self.declared, **_SPEECH, **_REQUESTS}
        if self.service is not None:
            names["failure"] = self.service.all_failures()
        for name in metafunc.fixturenames:
            if self.service is None and (name in _REQUESTS or name == "failure"):
                metafunc.parametrize(name, ["no service"])
            elif name in names:
                metafunc.parametrize(name, list(names[name]))
