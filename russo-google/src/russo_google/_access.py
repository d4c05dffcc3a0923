"""Who pays: a key of the Gemini API, or a Google Cloud project with application default credentials.

All of it is read at the miss. What the SDK would read from the environment by itself is given to it
instead, so that no variable can turn one service into the other.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from russo import AuthenticationError, RequestRejectedError, ServiceError, SynthesisError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

Fail = Callable[..., SynthesisError]

_VARIABLES: Final = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True)
class Access:
    """What ``genai.Client`` is given, and the secret in it, which no message may show."""

    options: dict[str, Any]
    secret: str

    def __repr__(self) -> str:
        return f"Access({', '.join(self.options)})"


def key_access(given: str | None, fail: Fail) -> Access:
    """Take the given key, else the first variable that is not empty.

    Raises:
        AuthenticationError: There is none, or it is nothing that a header can carry.
    """
    key = (given or next(filter(None, map(os.environ.get, _VARIABLES)), "")).strip()
    if not key:
        advice = f"set {' or '.join(_VARIABLES)}, or give api_key"
        raise fail(AuthenticationError, "there is no API key", advice=advice)
    # Checked here, for the HTTP client would quote it.
    if not re.fullmatch(r"[!-~]+", key):
        what = "the API key holds a space, a line end or another character that no HTTP header carries"
        advice = "correct api_key" if given else f"correct {' or '.join(_VARIABLES)}"
        raise fail(AuthenticationError, what, advice=advice)
    return Access({"vertexai": False, "api_key": key}, key)


class VertexLogin:
    """Application default credentials, loaded at the first miss and refreshed before they expire.

    May be used from many threads at once; one of them fetches the token.
    """

    def __init__(self, project: str | None, location: str | None) -> None:
        self._project = project
        self._location = location
        self._lock = threading.Lock()
        self._loaded: tuple[Credentials, str | None] | None = None

    def access(self, fail: Fail) -> Access:
        """Return access with a token that is valid now; may read files and call Google.

        Raises:
            AuthenticationError: There are no credentials, or they are refused.
            RequestRejectedError: Nothing names a project.
            ServiceError: No token can be fetched at the moment.
        """
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.oauth2.credentials import Credentials as Token

        try:
            with self._lock:
                login, project = self._login()
                # The token alone goes to the SDK, which would refresh the credentials in its own way.
                token = Token(login.token, quota_project_id=login.quota_project_id)  # type: ignore[no-untyped-call]
        except (GoogleAuthError, OSError) as error:
            passing = isinstance(error, TransportError) or getattr(error, "retryable", False)
            what = f"no token by application default credentials: {' '.join(str(error).split())[:300]}"
            if passing:
                raise fail(ServiceError, what) from error
            advice = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
            raise fail(AuthenticationError, what, advice=advice) from error
        if not project:
            advice = "give project, or set GOOGLE_CLOUD_PROJECT"
            raise fail(RequestRejectedError, "nothing names a Google Cloud project", advice=advice)
        location = self._location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
        options = {"vertexai": True, "credentials": token, "project": project, "location": location}
        return Access(options, str(token.token))

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
