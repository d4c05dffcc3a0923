"""How a store is opened: the variables of each cloud, limits, certificates and credentials."""

import json
import os
import pickle
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Event, Thread
from types import ModuleType

import pytest

from russo import StoreError
from russo.testing import LoopbackServer, Reply, json_reply
from russo_remote import ObstoreStore
from support.certificates import serve_as

NAME = "v1/ab/abcd.russo"
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "PLANTEDSECRET"}
AZURE = {"AZURE_STORAGE_ACCOUNT_NAME": "account"}


def refusal(call, *arguments):
    with pytest.raises(StoreError) as caught:
        call(*arguments)
    assert caught.value.kind == "refused"
    return caught.value.reason


@pytest.fixture
def service():
    """A server that has no object, and gives tokens."""

    def reply(request):
        if "token" in request.path:
            return json_reply({"access_token": "TOKEN", "expires_in": 3600, "token_type": "Bearer"})
        return Reply(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>")

    with LoopbackServer(reply) as server:
        yield server


@pytest.fixture
def s3_only(service, setenv):
    setenv({"AWS_ENDPOINT_URL": service.url})
    return service


def authorization(server):
    return server.requests[-1].headers.get("authorization", "")


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
def test_server_of_plain_http_needs_no_other_setting(service, setenv, name):
    setenv(KEYS | {name: service.url})
    assert ObstoreStore("s3://team/voice").get(NAME, 10) is None
    assert service.requests[-1].path == f"/team/voice/{NAME}"


@pytest.mark.parametrize(
    ("variables", "scope"),
    [
        ({}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_DEFAULT_REGION": "eu-west-3", "AWS_REGION": "eu-central-1"}, "eu-central-1"),
    ],
)
def test_region_and_keys_of_aws_come_from_its_variables(s3_only, setenv, variables, scope):
    setenv(KEYS | variables | {"AWS_SESSION_TOKEN": "SESSION"})
    ObstoreStore("s3://team/voice").get(NAME, 10)
    assert "Credential=AKID/" in authorization(s3_only)
    assert f"/{scope}/s3/aws4_request" in authorization(s3_only)
    assert s3_only.requests[-1].headers["x-amz-security-token"] == "SESSION"


def test_public_bucket_is_read_without_credentials(s3_only, setenv):
    setenv({"AWS_SKIP_SIGNATURE": "true"})
    assert ObstoreStore("s3://team/voice").get(NAME, 10) is None
    assert authorization(s3_only) == ""


def test_role_of_a_container_is_used(s3_only, setenv, tmp_path):
    role = {"AccessKeyId": "ROLE", "SecretAccessKey": "S", "Token": "T", "Expiration": "2099-01-01T00:00:00Z"}
    (tmp_path / "token").write_text("pod")
    with LoopbackServer(json_reply(role)) as machine:
        setenv(
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
            }
        )
        assert ObstoreStore("s3://team/voice").get(NAME, 10) is None
    assert "Credential=ROLE/" in authorization(s3_only)


WITHOUT = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}


@pytest.mark.parametrize("answers", [False, True], ids=["no machine", "machine without a role"])
@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_store_without_credentials_is_refused_quickly(s3_only, setenv, scheme, answers):
    setenv(AZURE | {"GOOGLE_BASE_URL": s3_only.url, "AZURE_STORAGE_ENDPOINT": s3_only.url})
    with LoopbackServer(Reply(status=404)) as machine:
        if answers:
            setenv({"AWS_METADATA_ENDPOINT": machine.url, "GCE_METADATA_HOST": machine.url[7:]})
            setenv({"AZURE_MSI_ENDPOINT": f"{machine.url}/metadata/identity/oauth2/token"})
        store, begun = ObstoreStore(f"{scheme}://team/voice"), time.monotonic()
        assert refusal(store.get, NAME, 10) == f"no credentials were found; {WITHOUT[scheme]}"
        assert time.monotonic() - begun < 8  # 0.3 s; without limits 40 s
        assert bool(machine.requests) == answers
    assert s3_only.requests == []


@pytest.mark.parametrize(
    ("url", "variables", "reason"),
    [
        ("s3://team/voice", {"AWS_ACCESS_KEY_ID": "AKID"}, "AWS_SECRET_ACCESS_KEY is not set"),
        ("s3://team/voice", {"AWS_SECRET_ACCESS_KEY": "PLANTED"}, "AWS_ACCESS_KEY_ID is not set"),
        (
            "s3://team/voice",
            KEYS | {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "PLANTED"},
            "a variable of the store must be true or false",
        ),
        ("s3://team//voice", KEYS, "its URL has an empty part"),
        ("az://team/voice", {}, "AZURE_STORAGE_ACCOUNT_NAME is not set"),
        (
            "az://team/voice",
            AZURE | {"AZURE_STORAGE_ACCOUNT_KEY": "!PLANTED"},
            "AZURE_STORAGE_ACCOUNT_KEY is not valid",
        ),
        (
            "az://team/voice",
            AZURE | {"AZURE_STORAGE_SAS_TOKEN": "PLANTED"},
            "AZURE_STORAGE_SAS_TOKEN is not valid",
        ),
        ("abfss://team@account.example.com/voice", {}, "its URL is not valid"),
        (
            "gs://team/voice",
            {"GOOGLE_APPLICATION_CREDENTIALS": "PLANTED.json"},
            "the file of GOOGLE_APPLICATION_CREDENTIALS cannot be used",
        ),
    ],
)
def test_wrong_setting_is_named_without_its_value(setenv, url, variables, reason):
    setenv(variables)
    assert refusal(ObstoreStore, url) == reason


@pytest.mark.parametrize(
    ("url", "variables", "sent"),
    [
        ("az://team/voice", AZURE | {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, "SharedKey account:"),
        ("az://team/voice", AZURE | {"AZURE_STORAGE_ACCESS_KEY": "a2V5"}, "SharedKey account:"),
        ("az://team/voice", AZURE | {"AZURE_STORAGE_TOKEN": "TOKEN"}, "Bearer TOKEN"),
        ("az://team/voice", AZURE | {"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=a%2Bb"}, ""),
        ("az://team/voice", AZURE | {"AZURE_SKIP_SIGNATURE": "true"}, ""),
        (
            "az://team/voice",
            AZURE | {"AZURE_CLIENT_ID": "i", "AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": "t"},
            "Bearer TOKEN",
        ),
        ("abfss://team/voice", AZURE | {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, "SharedKey account:"),
        (
            "abfss://team@account.dfs.core.windows.net/voice",
            {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"},
            "SharedKey account:",
        ),
        ("gs://team/voice", {"GOOGLE_SKIP_SIGNATURE": "true"}, ""),
    ],
)
def test_variables_of_azure_and_google_are_used(service, setenv, url, variables, sent):
    setenv({"AZURE_STORAGE_ENDPOINT": service.url, "AZURE_AUTHORITY_HOST": service.url})
    setenv(variables | {"GOOGLE_BASE_URL": service.url})
    assert ObstoreStore(url).get(NAME, 10) is None
    assert authorization(service).startswith(sent)
    assert bool(authorization(service)) == bool(sent)
    if "AZURE_STORAGE_SAS_TOKEN" in variables:
        assert service.requests[-1].query == {"sv": "1", "sig": "a+b"}


def test_credentials_of_google_that_obstore_cannot_read_come_from_google_auth(service, setenv, tmp_path):
    (tmp_path / "token").write_text("job")
    described = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{service.url}/token",
        "credential_source": {"file": str(tmp_path / "token")},
    }
    (tmp_path / "job.json").write_text(json.dumps(described))
    setenv({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "job.json"), "GOOGLE_BASE_URL": service.url})
    assert ObstoreStore("gs://team/voice").get(NAME, 10) is None
    assert authorization(service) == "Bearer TOKEN"


def test_google_auth_that_is_missing_is_named(setenv, tmp_path, monkeypatch):
    (tmp_path / "job.json").write_text('{"type": "external_account"}')
    setenv({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "job.json")})
    monkeypatch.setitem(sys.modules, "google.auth", None)
    assert refusal(ObstoreStore, "gs://team/voice") == (
        "the credentials in the file of GOOGLE_APPLICATION_CREDENTIALS need: pip install google-auth requests"
    )


class FakeProvider:
    """Replaces obstore's provider over boto3, which the suite does not install; `make test-servers` does."""

    error = None

    def __init__(self):
        if self.error is not None:
            raise self.error
        self.config = {"region": "eu-north-1"}
        self.secret = "PLANTEDSECRET"  # as boto3's credentials

    def __call__(self):
        expires = datetime.now(UTC) + timedelta(hours=1)
        return {
            "access_key_id": "PROFILE",
            "secret_access_key": self.secret,
            "token": None,
            "expires_at": expires,
        }


@pytest.fixture
def boto3(monkeypatch):
    module = ModuleType("obstore.auth.boto3")
    module.Boto3CredentialProvider = FakeProvider
    monkeypatch.setattr(FakeProvider, "error", None)
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", module)
    return FakeProvider


def test_profile_of_aws_is_used_with_its_region_if_boto3_is_installed(s3_only, boto3, setenv):
    setenv({"AWS_PROFILE": "team"})
    store = ObstoreStore("s3://team/voice")
    assert store.get(NAME, 10) is None
    assert "Credential=PROFILE/" in authorization(s3_only)
    assert "/eu-north-1/s3/" in authorization(s3_only)
    assert b"PLANTED" not in pickle.dumps(store)


def test_keys_are_preferred_to_a_profile(s3_only, boto3, setenv):
    setenv(KEYS | {"AWS_PROFILE": "team"})
    ObstoreStore("s3://team/voice").get(NAME, 10)
    assert "Credential=AKID/" in authorization(s3_only)


class ProfileNotFound(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "found"), [(ValueError("none"), ""), (ProfileNotFound("PLANTED"), " (boto3: ProfileNotFound)")]
)
def test_profile_that_boto3_does_not_find_is_refused_without_asking_the_machine(boto3, setenv, error, found):
    boto3.error = error
    with LoopbackServer(Reply(status=404)) as machine:
        setenv({"AWS_PROFILE": "team", "AWS_METADATA_ENDPOINT": machine.url})
        reason = refusal(ObstoreStore, "s3://team/voice")
        assert machine.requests == []
    assert reason == f"no credentials were found{found}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def test_machine_is_not_asked_for_credentials_if_aws_variable_forbids_it(setenv, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", None)
    setenv({"AWS_EC2_METADATA_DISABLED": "true"})
    assert refusal(ObstoreStore, "s3://team/voice") == f"no credentials were found; {WITHOUT['s3']}"


@pytest.mark.parametrize("how", ["variable", "file"])
def test_profile_without_boto3_says_what_to_install(s3_only, setenv, tmp_path, monkeypatch, how):
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", None)
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = PLANTED\n")
    file = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    setenv({"AWS_PROFILE": "team"} if how == "variable" else file)
    assert refusal(ObstoreStore("s3://team/voice").get, NAME, 10) == (
        "no credentials were found; profiles of AWS need boto3: pip install boto3"
    )


TLS = """
import sys
from russo import StoreError
from russo_remote import ObstoreStore
try:
    print(ObstoreStore(sys.argv[1]).get("entry", 10))
except StoreError as error:
    print(error.kind, error.reason)
"""


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("SSL_CERT_FILE", "b'1'"),
        # obstore does not read the variable of AWS.
        ("AWS_CA_BUNDLE", "refused its certificate is not trusted; name your own authority in SSL_CERT_FILE"),
    ],
)
def test_own_certificate_authority_comes_from_ssl_cert_file(tmp_path, variable, said):
    (tmp_path / "entry").write_bytes(b"1")
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    context = serve_as(["localhost"], tmp_path / "authority.pem", is_authority=False)
    with HTTPServer(("127.0.0.1", 0), lambda *each: handler(*each, directory=str(tmp_path))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that leaves in the handshake
        thread = Thread(target=server.serve_forever)
        thread.start()
        done = subprocess.run(  # the certificates are read once in a process
            [sys.executable, "-c", TLS, f"https://localhost:{server.server_address[1]}"],
            env=os.environ | {variable: str(tmp_path / "authority.pem")},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        server.shutdown()
        thread.join()
    assert done.stdout.strip() == said


def test_process_ends_soon_although_a_call_waits(s3):
    asked = Event()
    s3.faults = lambda request: asked.set() or "silent"
    code = (
        "import sys, threading\nfrom russo_remote import ObstoreStore\nstore = ObstoreStore(sys.argv[1])\n"
        "threading.Thread(target=store.get, args=['v1/a', 10], daemon=True).start()\n"
        "input()\nprint('end', flush=True)"
    )
    command = [sys.executable, "-c", code, s3.store_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert asked.wait(60)
        begun = time.monotonic()
        process.communicate("\n", timeout=60)
        assert process.returncode == 0
    assert time.monotonic() - begun < 8  # at most the read timeout of 3 s
