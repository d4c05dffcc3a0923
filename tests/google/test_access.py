import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError

from russo import AudioCache, AuthenticationError, CachedSynthesizer, RequestRejectedError, ServiceError
from russo.testing import LoopbackServer, Reply, json_reply
from russo_google import GoogleSynthesizer
from support.first_party import PROMPT, SAMPLES, failed, samples_of, speak
from support.gemini import spoken
from support.raw_server import full_backlog
from support.untrusted import UntrustedServer

TOKEN = "ya29.secret-token-0123456789"
PATH = "/v1beta1/projects/{}/locations/{}/publishers/google/models/gemini-3.8-flash-tts:generateContent"
FLIPS = {
    "GOOGLE_GENAI_USE_ENTERPRISE": "true",
    "GOOGLE_GENAI_USE_VERTEXAI": "1",
    "GOOGLE_CLOUD_PROJECT": "env-project",
    "GOOGLE_CLOUD_LOCATION": "env-location",
    "GOOGLE_GENAI_CLIENT_MODE": "replay",
    "GOOGLE_GENAI_REPLAYS_DIRECTORY": "/nowhere",
    "GOOGLE_GENAI_REPLAY_ID": "replay",
}


@pytest.fixture
def google():
    """Google on 127.0.0.1: its token endpoint, and Gemini through both services."""
    token = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
    with LoopbackServer(
        lambda asked: json_reply(token) if asked.path == "/token" else spoken(SAMPLES)
    ) as server:
        yield server


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture
def credentials(google, private_key, tmp_path, monkeypatch):
    """Application default credentials: a service account that gets its tokens from the fixture `google`."""
    account = {
        "type": "service_account",
        "project_id": "account-project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "tests@account-project.iam.gserviceaccount.com",
        "token_uri": google.url + "/token",
    }
    return adc(account, tmp_path, monkeypatch)


def adc(content, directory, monkeypatch):
    path = directory / "credentials.json"
    path.write_text(json.dumps(content))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


def vertex(google, **options):
    return GoogleSynthesizer(**{"vertexai": True, "base_url": google.url, **options})


def paths(google):
    return [request.path for request in google.requests]


@pytest.mark.parametrize("location", ["global", "us", "eu", "us-central1", "europe-west4"])
def test_endpoint_is_that_of_the_sdk(location, monkeypatch):
    from google.auth.credentials import AnonymousCredentials
    from google.genai import Client

    client = Client(vertexai=True, credentials=AnonymousCredentials(), project="mine", location=location)
    sdk = client._api_client._http_options.base_url.removesuffix("/")
    assert GoogleSynthesizer(vertexai=True, location=location).endpoint == sdk
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
    assert GoogleSynthesizer(vertexai=True).endpoint == sdk
    client.close()


def test_endpoint_of_the_gemini_api_is_that_of_the_sdk(monkeypatch):
    from google.genai import Client

    client = Client(api_key="key")
    assert client._api_client._http_options.base_url == f"{GoogleSynthesizer().endpoint}/"
    client.close()
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "https://mine.example")
    assert GoogleSynthesizer().endpoint == "https://mine.example"
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "evil.example/")
    with pytest.raises(ValueError, match="location is"):
        _ = GoogleSynthesizer(vertexai=True).endpoint


@pytest.mark.parametrize("variable", FLIPS)
def test_no_variable_changes_the_service_of_the_gemini_api(google, monkeypatch, variable):
    monkeypatch.setenv(variable, FLIPS[variable])
    speak(GoogleSynthesizer(api_key="k", base_url=google.url))
    assert paths(google) == ["/v1/models/gemini-3.8-flash-tts:generateContent"]
    assert google.requests[0].headers["x-goog-api-key"] == "k"


def test_all_variables_together_change_nothing(google, monkeypatch):
    for name, value in FLIPS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GEMINI_API_KEY", "from-the-variable")
    speak(GoogleSynthesizer(base_url=google.url))
    assert paths(google) == ["/v1/models/gemini-3.8-flash-tts:generateContent"]
    assert google.requests[0].headers["x-goog-api-key"] == "from-the-variable"


def test_spaces_around_a_key_are_not_sent(google):
    speak(GoogleSynthesizer(api_key=" k\n", base_url=google.url))
    assert google.requests[0].headers["x-goog-api-key"] == "k"


@pytest.mark.parametrize("key", ["secret\nkey", "secret key", "secret-schlüssel", "secret\0key"])
def test_key_that_a_header_cannot_carry_is_refused_and_not_shown(google, key):
    error = failed(GoogleSynthesizer(api_key=key, base_url=google.url))
    assert type(error) is AuthenticationError
    assert not error.reached
    assert google.requests == []
    assert "secret" not in str(error)


@pytest.mark.usefixtures("credentials")
def test_vertex_request_has_token_project_and_location(google):
    assert samples_of(speak(vertex(google, project="my-project", location="eu"))) == SAMPLES
    token, request = google.requests
    assert parse_qs(token.body.decode())["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert request.path == PATH.format("my-project", "eu")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-goog-api-key" not in request.headers
    assert request.json == {
        "contents": [{"parts": [{"text": PROMPT}], "role": "user"}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"voice": "Kore"}},
        },
    }
    assert google.wait_closed()


@pytest.mark.usefixtures("credentials")
def test_vertex_request_contains_every_option_of_the_key(google):
    speak(vertex(google, language="de-DE", instructions="cheerful", seed=7, api_version="v1"))
    request = google.requests[-1]
    assert request.path == PATH.format("account-project", "global").replace("v1beta1", "v1")
    part = {"text": PROMPT, "speechMetadata": {"style": "cheerful"}}
    assert request.json == {
        "contents": [{"parts": [part], "role": "user"}],
        "generationConfig": {
            "seed": 7,
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"voice": "Kore"}, "languageCode": "de-DE"},
        },
    }


@pytest.mark.usefixtures("credentials")
def test_project_and_location_default_to_the_variables(google, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "env-project")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us")
    speak(vertex(google))
    speak(vertex(google, project="my-project", location="eu"))
    asked = [path for path in paths(google) if path != "/token"]
    assert asked == [PATH.format("env-project", "us"), PATH.format("my-project", "eu")]


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("location", ["evil.example/x", "evil.example", "eu@evil.example/", "eu/../x"])
def test_token_is_not_sent_to_a_host_named_by_the_location(google, monkeypatch, location):
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
    error = failed(vertex(google))
    assert type(error) is RequestRejectedError
    assert "GOOGLE_CLOUD_LOCATION" in str(error)
    assert paths(google) in ([], ["/token"])


@pytest.mark.parametrize("variable", ["GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE"])
@pytest.mark.parametrize("value", ["true", "1", "True"])
def test_missing_key_error_names_the_sdk_variable_for_vertex(monkeypatch, variable, value):
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    error = failed(GoogleSynthesizer())
    assert type(error) is AuthenticationError
    assert variable in str(error)
    assert "vertexai=True" in str(error)
    monkeypatch.setenv(variable, "false")
    assert "vertexai=True" not in str(failed(GoogleSynthesizer()))


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GOOGLE_GENAI_USE_ENTERPRISE", "false"),
        ("GOOGLE_GENAI_USE_VERTEXAI", "0"),
        ("GOOGLE_API_KEY", "a-key"),
        ("GEMINI_API_KEY", "a-key"),
    ],
)
def test_no_variable_changes_vertex_to_the_gemini_api(google, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    speak(vertex(google))
    assert google.requests[-1].path == PATH.format("account-project", "global")
    assert google.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-goog-api-key" not in google.requests[-1].headers


@pytest.mark.usefixtures("credentials")
def test_one_token_is_used_by_fifty_calls_in_four_event_loops(google):
    synthesizer = vertex(google)

    async def crowd():
        await asyncio.gather(*(synthesizer.synthesize(f"{PROMPT} {n}") for n in range(50)))

    asyncio.run(crowd())
    for _ in range(4):
        speak(synthesizer)
    assert paths(google).count("/token") == 1
    assert len(google.requests) == 55
    assert google.wait_closed()


@pytest.mark.usefixtures("credentials")
def test_quota_project_is_billed(google, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "who-pays")
    speak(vertex(google))
    assert google.requests[-1].headers["x-goog-user-project"] == "who-pays"


@pytest.mark.usefixtures("credentials")
def test_expired_token_is_fetched_again(google):
    token = {"access_token": TOKEN, "expires_in": 1}
    google.replies = lambda asked: json_reply(token) if asked.path == "/token" else spoken(SAMPLES)
    synthesizer = vertex(google)
    speak(synthesizer)
    speak(synthesizer)
    assert paths(google).count("/token") == 2


@pytest.mark.usefixtures("credentials")
def test_refused_credentials_are_an_authentication_error(google):
    google.replies = json_reply({"error": "invalid_grant", "error_description": "Invalid JWT"}, 400)
    error = failed(vertex(google))
    assert type(error) is AuthenticationError
    assert (error.retryable, error.reached) == (False, False)
    assert "invalid_grant" in str(error)
    assert "gcloud auth application-default login" in str(error)
    assert error.__cause__ is not None
    assert set(paths(google)) == {"/token"}


@pytest.mark.parametrize(("retryable", "kind"), [(True, ServiceError), (False, AuthenticationError)])
def test_temporary_token_failure_is_retryable(google, monkeypatch, retryable, kind):
    def default(**_):
        raise RefreshError("internal_failure", retryable=retryable)

    monkeypatch.setattr("google.auth.default", default)
    error = failed(vertex(google, max_attempts=1))
    assert type(error) is kind
    assert (error.retryable, error.reached) == (retryable, False)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("model", "location", "names_it"),
    [
        ("gemini-3.8-flash-tts", "us-central1", True),
        ("gemini-3.8-flash-tts", "eu", False),
        ("gemini-2.5-flash-tts", "us-central1", False),
    ],
)
def test_location_without_the_model_is_reported(google, model, location, names_it):
    answer = json_reply({"error": {"code": 404, "message": "Publisher Model was not found"}}, 404)
    token = {"access_token": TOKEN, "expires_in": 3600}
    google.replies = lambda asked: json_reply(token) if asked.path == "/token" else answer
    error = failed(vertex(google, model=model, location=location, project="my-project"))
    assert type(error) is RequestRejectedError
    advice = f"is served in global, us, eu only, and the location is {location}: check location"
    assert (advice in str(error)) is names_it


@pytest.mark.usefixtures("credentials")
def test_unreachable_token_endpoint_is_a_service_error(google):
    synthesizer = vertex(google, max_attempts=1)
    google.close()
    error = failed(synthesizer)
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (True, False)
    assert "no connection to the token service of application default credentials: " in str(error)
    assert "check the host name, the network" in error.advice


def test_untrusted_token_endpoint_is_reported_at_once(credentials, google):
    account = json.loads(credentials.read_text())
    with UntrustedServer() as elsewhere:
        credentials.write_text(json.dumps(account | {"token_uri": elsewhere.url}))
        error = failed(vertex(google))
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (False, False)
    assert "certificate of the service is not trusted" in str(error)
    assert google.requests == []


def test_a_token_service_that_accepts_no_connection_is_not_reached(google, credentials):
    account = json.loads(credentials.read_text())
    with full_backlog() as url:
        credentials.write_text(json.dumps(account | {"token_uri": url}))
        # The first attempt also imports google-auth, and on a busy machine a later one may end at its timeout, too.
        for _ in range(5):
            error = failed(vertex(google, timeout=1, max_attempts=1))
            if type(error) is ServiceError:
                break
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (True, False)
    assert "no connection to the token service of application default credentials: " in str(error)
    assert google.requests == []


def test_missing_credentials_are_an_authentication_error(google, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    error = failed(vertex(google))
    assert type(error) is AuthenticationError
    assert not error.reached
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(error)
    assert google.requests == []
    cached = failed(CachedSynthesizer(vertex(google), cache=AudioCache(tmp_path)))
    assert "credentials, and this prompt is not recorded with these settings: " in cached.what
    assert cached.advice == error.advice


def test_damaged_credentials_are_an_authentication_error(google, tmp_path, monkeypatch):
    path = adc({}, tmp_path, monkeypatch)
    path.write_text("{ secret-")
    error = failed(vertex(google))
    assert type(error) is AuthenticationError
    assert "secret-" not in str(error)


def own_sign_in(directory, monkeypatch):
    """A developer's own gcloud sign-in with a valid token; google-auth warns about such credentials."""
    expiry = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    account = {
        "type": "authorized_user",
        "client_id": "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com",
        "client_secret": "public",
        "refresh_token": "refresh",
        "token": TOKEN,
        "expiry": expiry,
    }
    adc(account, directory, monkeypatch)


def test_gcloud_sign_in_works_if_warnings_are_errors(google, tmp_path, monkeypatch):
    from google.auth import _cloud_sdk

    own_sign_in(tmp_path, monkeypatch)
    assert _cloud_sdk.CLOUD_SDK_CLIENT_ID in (tmp_path / "credentials.json").read_text()
    speak(vertex(google, project="my-project"))
    assert google.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_missing_project_is_reported(google, tmp_path, monkeypatch):
    own_sign_in(tmp_path, monkeypatch)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))  # without gcloud, which google-auth would run
    error = failed(vertex(google))
    assert type(error) is RequestRejectedError
    assert not error.reached
    assert "GOOGLE_CLOUD_PROJECT" in str(error)
    assert google.requests == []


@pytest.mark.usefixtures("credentials")
def test_token_that_the_service_repeats_is_not_shown(google):
    token = {"access_token": TOKEN, "expires_in": 3600}
    echo = Reply(status=401, body=f"Request had invalid credentials {TOKEN}".encode())
    google.replies = lambda asked: json_reply(token) if asked.path == "/token" else echo
    error = failed(vertex(google))
    assert type(error) is AuthenticationError
    assert TOKEN not in str(error)
    assert TOKEN not in str(error.__cause__)
