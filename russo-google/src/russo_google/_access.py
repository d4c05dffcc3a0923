"""Who pays: a key of the Gemini API, or a Google Cloud project with application default credentials.

All of it is read at the miss. What the SDK would read from the environment by itself is given to it
instead, so that no variable can turn one service into the other.
"""

from __future__ import annotations

import os
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from russo import AuthenticationError, RequestRejectedError, ServiceError
from russo.authoring import Attempts, Exchange, read_api_key

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True)
class Access:
    """What ``genai.Client`` is given, and the exchange whose errors do not show the secret in it."""

    exchange: Exchange
    options: dict[str, Any] = field(repr=False)


def key_access(attempts: Attempts, prompt: str, given: str | None) -> Access:
    """Take the given key, else the first variable that holds one.

    Raises:
        AuthenticationError: There is none, or it is nothing that a header can carry.
    """
    key = read_api_key(attempts, prompt, given, "GOOGLE_API_KEY", "GEMINI_API_KEY")
    return Access(Exchange(attempts, prompt, key), {"vertexai": False, "api_key": key})


class VertexLogin:
    """Application default credentials, loaded at the first miss and refreshed before they expire.

    May be used from many threads at once; one of them fetches the token.
    """

    def __init__(self, project: str | None, location: str | None) -> None:
        self._project = project
        self._location = location
        self._lock = threading.Lock()
        self._loaded: tuple[Credentials, str | None] | None = None

    def access(self, attempts: Attempts, prompt: str) -> Access:
        """Return access with a token that is valid now; may read files and call Google.

        Raises:
            AuthenticationError: There are no credentials, or they are refused.
            RequestRejectedError: Nothing names a project.
            ServiceError: No token can be fetched at the moment.
        """
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.oauth2.credentials import Credentials as Token

        fail = Exchange(attempts, prompt)
        try:
            with self._lock:
                login, project = self._login()
                # The token alone goes to the SDK, which would refresh the credentials in its own way.
                token = Token(login.token, quota_project_id=login.quota_project_id)  # type: ignore[no-untyped-call]
        except (GoogleAuthError, OSError) as error:
            if untrusted := fail.certificate_error(error):
                raise untrusted from error
            what = f"no token by application default credentials: {error}"
            if isinstance(error, TransportError) or getattr(error, "retryable", False):
                raise fail.error(ServiceError, what, reached=False) from error
            advice = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
            raise fail.error(AuthenticationError, what, advice=advice, reached=False) from error
        if not project:
            what, advice = "nothing names a Google Cloud project", "give project, or set GOOGLE_CLOUD_PROJECT"
            raise fail.error(RequestRejectedError, what, advice=advice, reached=False)
        location = self._location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
        options = {"vertexai": True, "credentials": token, "project": project, "location": location}
        return Access(Exchange(attempts, prompt, str(token.token)), options)

    def _login(self) -> tuple[Credentials, str | None]:
        import google.auth
        from google.auth.transport.requests import Request

        if self._loaded is None:
            with warnings.catch_warnings():
                # On a developer's own sign-in by gcloud google-auth warns of that account's quota.
                warnings.simplefilter("ignore", UserWarning)
                self._loaded = google.auth.default(scopes=[_SCOPE])
        credentials, project = self._loaded
        if not credentials.valid:
            credentials.refresh(Request())  # type: ignore[no-untyped-call]
        return credentials, self._project or project
