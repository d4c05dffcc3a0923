"""The errors of a service as errors of russo: what happened, and whether russo asks again in this run."""

import pytest

from russo import StoreError
from russo.testing import Reply
from russo_remote import ObstoreStore
from support.remote.servers import CLOSED

NAME = "v1/ab/abcd.russo"
REFUSED, OUTAGE = "refused", "outage"


def xml(status, code, more=""):
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a message</Message>{more}</Error>"
    return Reply(status=status, headers={"Content-Type": "application/xml"}, body=text.encode())


def failure(call, *arguments, **options):
    with pytest.raises(StoreError) as caught:
        call(*arguments, **options)
    assert caught.value.__context__ is None  # obstore's exception has the URL and the whole reply
    return caught.value.kind, caught.value.reason


# A reply to a GET, and what russo makes of it.
REPLIES = [
    (xml(403, "AccessDenied"), REFUSED, "access is denied (403 AccessDenied)"),
    (xml(401, "Unauthorized"), REFUSED, "access is denied (401 Unauthorized)"),
    (Reply(status=403), REFUSED, "access is denied (403)"),
    (xml(403, "SignatureDoesNotMatch"), REFUSED, "the secret key is wrong (403 SignatureDoesNotMatch)"),
    (
        xml(403, "InvalidAccessKeyId"),
        REFUSED,
        "the service does not know the access key (403 InvalidAccessKeyId)",
    ),
    (xml(400, "ExpiredToken"), REFUSED, "the credentials have expired (400 ExpiredToken)"),
    (
        xml(403, "RequestTimeTooSkewed"),
        REFUSED,
        "the clock of this machine is wrong (403 RequestTimeTooSkewed)",
    ),
    (
        xml(403, "AuthenticationFailed", "<Detail>Request date header too old: 'Thu, 01'</Detail>"),
        REFUSED,
        "the clock of this machine is wrong (403 AuthenticationFailed)",
    ),
    (xml(404, "NoSuchBucket"), REFUSED, "there is no bucket 'team'"),
    (
        xml(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
        REFUSED,
        "the bucket is in the region 'eu-central-1'; set AWS_REGION=eu-central-1 "
        "(400 AuthorizationHeaderMalformed)",
    ),
    (xml(301, "PermanentRedirect"), REFUSED, "the bucket is in another region; set AWS_REGION"),
    (xml(400, "InvalidRequest"), REFUSED, "the service refuses the request (400 InvalidRequest)"),
    (Reply(status=405), REFUSED, "the service refuses the request (405)"),
    (xml(400, "RequestTimeout"), OUTAGE, "the service answered 400 RequestTimeout"),
    (xml(429, "TooManyRequests"), OUTAGE, "the service answered 429 TooManyRequests"),
    (xml(503, "SlowDown"), OUTAGE, "the service answered 503 SlowDown"),
    (Reply(status=500, body=b"<html>broken"), OUTAGE, "the service answered 500"),
    (Reply(status=502), OUTAGE, "the service answered 502"),
]


@pytest.mark.parametrize(
    ("reply", "kind", "reason"), REPLIES, ids=lambda each: each if isinstance(each, str) else ""
)
def test_reply_of_a_service_has_a_kind_and_a_reason(s3, reply, kind, reason):
    s3.faults = lambda request: reply
    assert failure(ObstoreStore(s3.store_url).get, NAME, 100) == (kind, reason)


@pytest.mark.parametrize(
    "reply", [xml(404, "NoSuchKey"), Reply(status=404), Reply(status=404, body=b"<html>")]
)
def test_get_of_a_missing_object_is_none_and_a_put_says_that_the_bucket_is_missing(s3, reply):
    s3.faults = lambda request: reply
    store = ObstoreStore(s3.store_url)
    assert store.get(NAME, 100) is None
    assert failure(store.put, NAME, b"1", replace=False) == (REFUSED, "there is no bucket 'team'")
    assert failure(lambda: list(store.list("v1/"))) == (REFUSED, "there is no bucket 'team'")


@pytest.mark.parametrize("url", ["az://team/voice", "abfss://team@account.dfs.core.windows.net/voice"])
def test_missing_container_of_azure_is_named_without_the_account(s3, setenv, url):
    names = {"ENDPOINT": s3.url, "ACCOUNT_NAME": "account", "ACCOUNT_KEY": "a2V5"}
    setenv({f"AZURE_STORAGE_{name}": value for name, value in names.items()})
    s3.faults = lambda request: xml(404, "ContainerNotFound")
    assert failure(ObstoreStore(url).get, NAME, 100) == (REFUSED, "there is no container 'team'")
    s3.faults = lambda request: xml(404, "BlobNotFound")
    assert ObstoreStore(url).get(NAME, 100) is None


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")]
)
def test_conflict_means_that_the_object_exists_only_for_a_put_that_creates(s3, status, code):
    s3.faults = lambda request: xml(status, code)
    store = ObstoreStore(s3.store_url)
    assert store.put(NAME, b"1", replace=False) is False
    kind = REFUSED if status == 412 else OUTAGE
    assert failure(store.put, NAME, b"1", replace=True)[0] == kind


def test_object_that_is_too_large_for_the_service_does_not_switch_it_off(s3):
    s3.faults = lambda request: xml(413, "EntityTooLarge")
    store = ObstoreStore(s3.store_url)
    assert failure(store.put, NAME, b"1", replace=False) == (
        OUTAGE,
        "the service answered 413 EntityTooLarge",
    )


def test_busy_service_is_asked_three_times(s3):
    s3.objects[f"voice/{NAME}"] = b"1"
    s3.faults = ["SlowDown", "InternalError", None]
    assert ObstoreStore(s3.store_url).get(NAME, 100) == b"1"
    assert s3.count("GET") == 3
    s3.faults = "SlowDown"
    assert failure(ObstoreStore(s3.store_url).get, NAME, 100)[0] == OUTAGE
    assert s3.count("GET") == 6


def test_put_whose_answer_was_lost_is_not_known_to_be_stored(s3):
    s3.faults = ["lost answer"]
    store = ObstoreStore(s3.store_url)
    assert failure(store.put, NAME, b"1", replace=False) == (OUTAGE, "the connection was lost")
    assert store.put(NAME, b"1", replace=False) is False  # it was


def test_address_without_a_server_is_an_outage(setenv, s3):
    setenv({"AWS_ENDPOINT_URL": CLOSED})
    assert failure(ObstoreStore(s3.store_url).get, NAME, 100) == (OUTAGE, "the connection was refused")


# What a message must never have: the secrets, and the names in the URL of a request.
PLANTED = {
    "AWS_ACCESS_KEY_ID": "PLANTEDKEY",
    "AWS_SECRET_ACCESS_KEY": "PLANTEDSECRET",
    "AWS_SESSION_TOKEN": "PLANTEDTOKEN",
    "AZURE_STORAGE_SAS_TOKEN": "sv=PLANTEDSIGNATURE&sig=PLANTEDSECRET",
    "AZURE_STORAGE_ACCOUNT_NAME": "account",
    "GOOGLE_BEARER_TOKEN": "PLANTEDTOKEN",
}
FAULTS = ["AccessDenied", "InternalError", "NoSuchBucket", "PermanentRedirect", "cut", "reset"]


@pytest.mark.parametrize("fault", [*FAULTS, "echo"])
@pytest.mark.parametrize("scheme", ["az", "gs", "http", "s3"])
def test_no_message_has_a_secret_or_the_url_of_the_request(s3, setenv, scheme, fault, capfd):
    echo = f"{PLANTED} http://PLANTED"
    setenv(PLANTED | {"GOOGLE_BASE_URL": s3.url, "AZURE_STORAGE_ENDPOINT": s3.url})
    s3.objects[f"PLANTEDPREFIX/{NAME}"] = b"1234"
    s3.faults = fault if fault != "echo" else lambda request: Reply(status=400, body=echo.encode())
    store = ObstoreStore(f"{s3.url if scheme == 'http' else f'{scheme}://team'}/PLANTEDPREFIX")
    said = []
    for call in (
        lambda: store.get(NAME, 100),
        lambda: store.put(NAME, b"1", replace=False),
        lambda: list(store.list("v1/")),
        lambda: store.delete(NAME),
    ):
        try:
            call()
        except StoreError as error:
            said += [str(error), repr(error), repr(error.__cause__), repr(error.__context__)]
    assert said
    told = "".join(said) + "".join(capfd.readouterr())
    assert "PLANTED" not in told
    assert "127.0.0.1" not in told
