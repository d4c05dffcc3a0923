import re

import pytest

from russo import BackendConfigError
from russo.authoring import Range, check_base_url, check_path, check_range, endpoint


@pytest.mark.parametrize(
    ("url", "who"),
    [
        ("http://127.0.0.1:8880/v1", "http://127.0.0.1:8880/v1"),
        ("HTTPS://API.Acme.example.:443/v1//", "https://api.acme.example/v1"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://me:secret@acme.example/v1?key=secret#secret", "https://acme.example/v1"),
        ("http://[::1]:8880/v1", "http://[::1]:8880/v1"),
    ],
)
def test_endpoint_is_normalised_and_has_no_credentials(url, who):
    assert endpoint(url) == who


NO_URLS = ["", "acme.example/v1", "ftp://secret@acme.example", "http://", "http://[::1", "http://a:b/"]
NO_PORTS = ["http://127.0.0.1:99999", "http://127.0.0.1:0"]


@pytest.mark.parametrize("check", [endpoint, check_base_url])
@pytest.mark.parametrize("url", [*NO_URLS, *NO_PORTS])
def test_value_that_is_not_a_url_is_refused_by_name_and_not_shown(check, url):
    with pytest.raises(BackendConfigError) as caught:
        check(url, "ACME_URL")
    assert str(caught.value) == "ACME_URL is not an http:// or https:// URL; write it as https://HOST/PATH"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://user:secret@127.0.0.1", "a user, a query or a fragment"),
        ("http://127.0.0.1?key=secret", "a user, a query or a fragment"),
        ("http://127.0.0.1#secret", "a user, a query or a fragment"),
        ("http://127.0.0.1/v1?", "a user, a query or a fragment"),
        ("http://127.0.0.1/v1#", "a user, a query or a fragment"),
        ("http://@127.0.0.1/v1", "a user, a query or a fragment"),
        ("http://127.0.0.1\\secret", "escape it"),
        ("http://127.0.0.1/secret place", "escape it"),
        ("http://secret-ä.example", "escape it"),
    ],
)
def test_base_url_that_is_not_a_plain_url_is_refused(url, message):
    with pytest.raises(BackendConfigError, match=f"^base_url .*{message}") as caught:
        check_base_url(url)
    assert "secret" not in str(caught.value)


def test_base_url_is_used_unchanged():
    assert check_base_url("https://Acme.example:443/speech/") == "https://Acme.example:443/speech/"


@pytest.mark.parametrize("value", ["a", "JBF_qn-9", "a" * 300])
def test_valid_value_for_a_path_is_accepted(value):
    assert check_path("voice", value) == value


@pytest.mark.parametrize(
    "value", ["", ".", "../a", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a\n", "ä", "٣", "a.b"]
)
def test_value_that_would_change_the_path_is_refused(value):
    with pytest.raises(ValueError, match=r"it may contain letters, digits, _ and -$") as caught:
        check_path("voice", value)
    assert str(caught.value).startswith(f"voice is {value!r}; ")


@pytest.mark.parametrize("value", ["models/acme-3.8", "a@1", "a/b/c.d"])
def test_value_for_a_path_may_contain_extra_characters_of_the_backend(value):
    assert check_path("model", value, inside="./@") == value


@pytest.mark.parametrize("value", ["..", "a//b", "a/../b", "/a", "a/", "a:b", "a./b"])
def test_extra_characters_must_be_single_and_between_others(value):
    with pytest.raises(ValueError, match=r"and single \. / @ inside"):
        check_path("model", value, inside="./@")


@pytest.mark.parametrize(("value", "taken"), [(0.5, 0.5), (2, 2.0), ("1.5", 1.5)])
def test_number_in_its_range_becomes_a_float(value, taken):
    found = check_range("speed", value, 0.5, 2)
    assert (found, type(found)) == (taken, float)


@pytest.mark.parametrize("value", [0.49, 2.01, float("nan"), float("inf"), -1])
def test_number_outside_its_range_is_refused(value):
    with pytest.raises(ValueError, match=re.escape(f"speed is {value!r}; it must be from 0.5 to 2")):
        check_range("speed", value, 0.5, 2)


@pytest.mark.parametrize(
    ("bounds", "value", "words"),
    [
        (Range(0.5, 2.0), 2.1, "speed is 2.1; it must be from 0.5 to 2.0"),
        (Range(0.5, 2.0), float("nan"), "speed is nan; it must be from 0.5 to 2.0"),
        (Range(0, 99), -1, "speed is -1; it must be from 0 to 99"),
        (Range(0), -1, "speed is -1; it must be 0 or more"),
        (Range(0, above=True), 0, "speed is 0; it must be more than 0"),
        (Range(0, above=True), float("nan"), "speed is nan; it must be more than 0"),
        (Range(0, 5, above=True), 0.0, "speed is 0.0; it must be more than 0, up to 5"),
        (Range(0, 5, above=True), 5.1, "speed is 5.1; it must be more than 0, up to 5"),
        (Range(0), float("nan"), "speed is nan; it must be 0 or more"),
    ],
)
def test_number_outside_a_range_is_refused_with_the_range(bounds, value, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        bounds.check("speed", value)


def test_number_in_a_range_is_returned_as_a_float():
    assert [type(Range(0, 2).check("speed", value)) for value in (0, 1, 2.0)] == [float] * 3
    assert Range(0).check("seed", 1e300) == 1e300
