"""Tests for first-party backends beyond the contract, and functions that their tests share."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import re
import subprocess
import sys
import traceback
import wave
from typing import TYPE_CHECKING, Any

import pytest

from russo import Audio, BackendConfigError, ServiceError, SynthesisError, load_synthesizer, synthesizers
from russo._backends.model_ends import model_ends_of
from russo.authoring import shared_tls
from russo.testing import BackendContract, LoopbackServer, speech_pcm
from support.untrusted import UntrustedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "Book a flight from Berlin to Rome"
SAMPLES = speech_pcm()
PLANTED_KEY = "planted-5d1f20c7be934a86-key"
LIMITS = {"timeout": 7.5, "max_attempts": 2, "max_concurrency": 3}


def speak(synthesizer: Any, text: str = PROMPT) -> Audio:
    """Synthesize in a new event loop."""
    audio = asyncio.run(synthesizer.synthesize(text))
    assert isinstance(audio, Audio)
    return audio


def failed(synthesizer: Any, text: str = PROMPT) -> SynthesisError:
    """Return the error that synthesizing raises."""
    with pytest.raises(SynthesisError) as caught:
        speak(synthesizer, text)
    return caught.value


def samples_of(audio: Audio) -> bytes:
    """Return the samples that the standard library's WAV reader finds, after comparing the header with it."""
    assert audio.format == "wav"
    with wave.open(io.BytesIO(audio.data)) as reader:
        samples: bytes = reader.readframes(reader.getnframes())
        found = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth())
        assert reader.getnframes() * reader.getnchannels() * reader.getsampwidth() == len(samples)
    assert found == (audio.sample_rate, audio.channels, audio.sample_width)
    assert int.from_bytes(audio.data[4:8], "little") + 8 == len(audio.data)
    return samples


def run_python(code: str, *arguments: str, **variables: str) -> str:
    """Run code in a fresh interpreter with warnings as errors, and return its output."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    environment = os.environ | variables
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


class FirstParty(BackendContract):
    """The contract, and further promises of first-party backends."""

    class_name: str

    @pytest.fixture(autouse=True)
    def _nothing_left_open(self) -> Iterator[None]:
        """Collect garbage within the test, so that the warning about an open socket fails this test."""
        gc.freeze()  # objects that exist already are not this test's, and a collection of them takes 0.1 s
        yield
        gc.collect()
        gc.unfreeze()

    @pytest.fixture
    def make_synthesizer(self) -> Any:
        return lambda **options: load_synthesizer(self.backend, **options)

    def test_class_is_a_lazy_name_of_russo_synthesizers(self, make: Any) -> None:
        assert type(make()) is getattr(synthesizers, self.class_name)

    def test_plugin_contract_and_credentials_are_declared(self) -> None:
        assert self.factory.russo_api == 1
        assert isinstance(self.factory.credentials, tuple)

    def test_announced_ends_of_models_are_dates_with_a_source(self, make: Any) -> None:
        declared = getattr(self.factory, "model_ends", {})
        assert model_ends_of(self.factory) == dict(declared)
        assert all(end.source.startswith("https://") for end in declared.values())

    def test_audio_is_16_bit_wav(self, speaking: Any) -> None:
        audio = speak(speaking())
        assert (audio.format, audio.sample_width) == ("wav", 2)
        assert samples_of(audio) == audio.pcm()

    def test_same_text_gives_the_same_bytes(self, speaking: Any) -> None:
        synthesizer = speaking()
        assert speak(synthesizer) == speak(synthesizer)


class FirstPartyService(FirstParty):
    """Tests for backends that call a service: wrong proxies, certificates and addresses."""

    def test_untrusted_certificate_is_reported_at_once(self, make: Any) -> None:
        with UntrustedServer() as server:
            error = failed(make(base_url=self.service.base_url(server.url), api_key=PLANTED_KEY))
            assert server.connections == 1
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (False, False)
        assert f"the certificate of {server.url.removeprefix('https://')} is not trusted" in str(error)
        assert "SSL_CERT_FILE" in str(error)
        assert error.__cause__ is not None

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("SSL_CERT_FILE", "/no/such/file"),
            ("HTTPS_PROXY", "gopher://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://127.0.0.1:port"),
            ("HTTPS_PROXY", "socks5://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://me:pr0xypass@127.0.0.1:port"),
            ("https_proxy", "http://[::1"),
            ("HTTPS_PROXY", "http://127.0.0.1:99999"),
        ],
    )
    def test_unusable_proxy_or_certificate_variable_is_reported_at_once(
        self,
        loopback: LoopbackServer,
        speaking: Any,
        variable: str,
        value: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        shared_tls.cache_clear()
        monkeypatch.setenv(variable, value)
        if value.endswith("99999"):  # found only when the client connects
            monkeypatch.delenv("NO_PROXY", raising=False)
            error = failed(speaking(base_url=self.service.base_url("https://speech.example")))
        else:
            error = failed(speaking())
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (False, False)
        assert re.search(
            rf"check base_url, and the variables for proxies and certificates \(.*{variable}\b", str(error)
        )
        assert error.__cause__ is not None
        assert "pr0xypass" not in "".join(traceback.format_exception(error))
        assert loopback.requests == []

    @pytest.mark.parametrize(
        "value", ["localhost,127.0.0.0/8,::1/128", "127.0.0.1,[::1]", "a:b", "fd00::/8", "*,:"]
    )
    def test_no_proxy_with_networks_is_ignored_or_named(
        self, speaking: Any, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(variable, value)
        try:
            speak(speaking())
        except ServiceError as error:
            said = (error.retryable, "NO_PROXY" in str(error))
        else:
            return
        assert said == (False, True)

    def test_unreachable_proxy_is_named(self, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("HTTP_PROXY", "http://me:pr0xypass@127.0.0.1:1")
        url = self.service.base_url("http://speech.example")
        error = failed(make(base_url=url, api_key=PLANTED_KEY, max_attempts=1))
        assert (type(error), error.reached) == (ServiceError, False)
        assert "the proxy in HTTP_PROXY" in str(error)
        assert "pr0xypass" not in "".join(traceback.format_exception(error))

    @pytest.mark.parametrize(
        "place", ["http://user:pw-HIDDEN@{}", "http://{}?key=pw-HIDDEN", "http://{}#pw-HIDDEN", "http://{}?"]
    )
    def test_base_url_with_user_or_query_is_refused_before_any_call(
        self, loopback: LoopbackServer, place: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = self.service.base_url(loopback.url).removeprefix("http://")
        with pytest.raises(BackendConfigError, match=r"^base_url contains a user, a query") as caught:
            load_synthesizer(self.backend, api_key=PLANTED_KEY, base_url=place.format(url))
        assert "HIDDEN" not in "".join(traceback.format_exception(caught.value)) + caplog.text
        assert loopback.requests == []
