"""Credentials: a key of the Gemini API, or application default credentials of a Google Cloud project.

They are read at each miss. All values that the SDK would read from the environment are passed to it, so that
an environment variable cannot make it use the other service.
"""

from __future__ import annotations

import functools
import os
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from russo import RequestRejectedError, ServiceError
from russo.authoring import Attempts, Exchange, Secret, check_path, credentials_error, read_api_key

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_TOKENS: Final = "the token service of application default credentials"
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True)
class Access:
    """The options of ``genai.Client``, and an exchange that hides the secret in them."""

    exchange: Exchange
    options: dict[str, Any] = field(repr=False)


def key_access(attempts: Attempts, prompt: str, given: str | None) -> Access:
    """Return access with the given key, else with the key in the first variable that is set.

    Raises:
        AuthenticationError: There is no key, or an HTTP header cannot carry it.
    """
    if not given and (variable := _asked_for_vertex()) is not None:
        advice = f"set GOOGLE_API_KEY, or pass vertexai=True for Vertex AI ({variable} does not turn it on)"
        raise credentials_error(Exchange(attempts, prompt), "there is no API key", advice=advice)
    key = read_api_key(attempts, prompt, given, "GOOGLE_API_KEY", "GEMINI_API_KEY")
    return Access(Exchange(attempts, prompt, key), {"vertexai": False, "api_key": key})


def _asked_for_vertex() -> str | None:
    """Return the variable that asks the SDK for Vertex AI, if there is one and no key."""
    if any(os.environ.get(name, "").strip() for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY")):
        return None
    variables = ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")
    return next((name for name in variables if os.environ.get(name, "").lower() in ("true", "1")), None)


class VertexLogin:
    """Application default credentials, loaded at the first miss and refreshed before they expire.

    May be used from many threads at once; only one of them fetches a token.
    """

    def __init__(self, project: str | None, location: str | None) -> None:
        self._project = project
        self._location = location
        self._lock = threading.Lock()
        self._loaded: tuple[Credentials, str | None] | None = None

    def access(self, attempts: Attempts, prompt: str) -> Access:
        """Return access with a token that is valid now. May read files and send requests to Google.

        Raises:
            AuthenticationError: There are no credentials, or they are refused.
            RequestRejectedError: No project is configured.
            ServiceError: A token cannot be fetched now, but may be later.
        """
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.oauth2.credentials import Credentials as Token

        fail = Exchange(attempts, prompt)
        try:
            with self._lock:
                login, project = self._login(attempts)
                # Only the token is passed on: the SDK would refresh the credentials in its own way.
                token = Token(login.token, quota_project_id=login.quota_project_id)  # type: ignore[no-untyped-call]
        except (GoogleAuthError, OSError) as error:
            if untrusted := fail.certificate_error(error):
                raise untrusted from error
            if isinstance(error, TransportError):
                raise fail.connection_error(error, host=_TOKENS, connected=False) from error
            what = "no token from application default credentials"
            if getattr(error, "retryable", False):
                raise fail.error(ServiceError, f"{what}: {error}", reached=False) from error
            advice = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
            raise credentials_error(fail, what, advice=advice, cause=error) from error
        if not project:
            what, advice = (
                "no Google Cloud project is configured",
                "pass project=…, or set GOOGLE_CLOUD_PROJECT",
            )
            raise fail.error(RequestRejectedError, what, advice=advice, reached=False)
        location = self._location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
        try:
            # The SDK makes the host's name from it; with a slash in it, another host would get the token.
            check_path("GOOGLE_CLOUD_LOCATION", location)
        except ValueError as error:
            raise fail.error(RequestRejectedError, str(error), reached=False) from None
        options = {"vertexai": True, "credentials": token, "project": project, "location": location}
        return Access(Exchange(attempts, prompt, Secret(token.token)), options)

    def _login(self, attempts: Attempts) -> tuple[Credentials, str | None]:
        import google.auth
        from google.auth.transport.requests import Request

        if self._loaded is None:
            with warnings.catch_warnings():
                # If a developer is signed in by gcloud, google-auth warns about the quota of that account.
                warnings.simplefilter("ignore", UserWarning)
                self._loaded = google.auth.default(scopes=[_SCOPE])
        credentials, project = self._loaded
        if not credentials.valid:
            # The default is 120 s: the attempt would end before a connection that does not open.
            request = functools.partial(Request(), timeout=(attempts.connect_timeout, attempts.timeout))
            credentials.refresh(request)  # type: ignore[no-untyped-call]
        return credentials, self._project or project
