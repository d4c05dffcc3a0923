"""Stores by URL: what a URL may be, and how the package of its scheme is found and opened."""

import sys
from pathlib import Path

import pytest

from russo import RemoteCache, StoreError
from russo._remote.discovery import LazyStore, check_url, folder_of, url_without_credentials
from russo._settings import SettingsError

STORE = """
opened = []

class Store:
    def __init__(self, url):
        opened.append(url)
        self.objects = {}
        self.closed = 0
    def get(self, name, limit):
        return self.objects.get(name)
    def put(self, name, data, *, replace):
        self.objects[name] = data
        return True
    def close(self):
        self.closed += 1

class Half:
    def __init__(self, url): pass
    def get(self, name, limit): pass

class Listing(Store):
    def list(self, prefix):
        yield prefix

def refuses(url):
    from russo import StoreError
    raise StoreError("its region is not set", kind="refused")

def fails(url):
    raise RuntimeError("no \\x1b today")

def leaks(url):
    raise RuntimeError("no redis://u:SECRET@h/0 and no https://h/x?sig=SECRET")

def is_down(url):
    from russo import StoreError
    raise StoreError("timed out")

number = 3
"""


def refusal(url):
    with pytest.raises(SettingsError) as caught:
        check_url(url, "command line")
    message = str(caught.value)
    assert "(command line)" in message
    assert "\n" not in message
    assert "\x1b" not in message
    return message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://team/voice", "s3://team/voice"),
        ("s3://team", "s3://team"),
        ("S3://Team/Voice/", "s3://Team/Voice"),
        ("gs://team/a//", "gs://team/a"),
        ("az://container/voice", "az://container/voice"),
        (
            "abfss://container@account.dfs.core.windows.net/voice",
            "abfss://container@account.dfs.core.windows.net/voice",
        ),
        ("file:///mnt/voice", "file:///mnt/voice"),
        ("file:///mnt/my%20voice", "file:///mnt/my%20voice"),
        ("https://cdn.example/voice", "https://cdn.example/voice"),
        ("http://127.0.0.1:8080/voice", "http://127.0.0.1:8080/voice"),
    ],
)
def test_url_of_a_store_is_accepted(url, expected):
    assert check_url(url, "command line") == expected


@pytest.mark.parametrize(
    "url", ["", "team", "s3:", "s3:/team", "s3://", "s3:///", "://team", "/mnt/voice", "3s://team", "s 3://x"]
)
def test_what_is_not_a_url_is_refused(url):
    assert "is not a URL such as s3://bucket/prefix" in refusal(url)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/mnt/my voice", "; write file:///mnt/my%20voice (option)"),
        ("./voice", "; write file:// and the whole path of the folder (option)"),
        ("~/voice", "; write file:// and the whole path of the folder (option)"),
        ("/mnt/voice?key=SECRET", "file:///folder (option)"),
        ("team:SECRET@host", "file:///folder (option)"),
    ],
)
def test_path_of_a_folder_is_refused_with_its_url(path, hint):
    with pytest.raises(SettingsError) as caught:
        check_url(path, "option")
    assert str(caught.value).endswith(hint)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:SECRET@team/voice",
        "https://user@cdn.example/voice",
        "https://cdn.example/voice?sig=SECRET",
        "https://cdn.example/voice#SECRET",
        "https://cdn.example/voice?",
        "abfss://container:SECRET@account.dfs.core.windows.net/x",
        "az://container/voice?sv=1&sig=SECRET",
    ],
)
def test_url_with_a_credential_is_refused_and_not_shown(url):
    message = refusal(url)
    assert "has a user, a password, a query or a fragment" in message
    assert "SECRET" not in message


@pytest.mark.parametrize(
    "url", ["s3://team/my voice", "s3://team/\x1b[31m", "s3://team/a\nb", "s3://t\team/a"]
)
def test_url_with_a_space_or_a_control_character_is_refused(url):
    assert "has a space or an unprintable character" in refusal(url)


@pytest.mark.parametrize("url", ["http://host:port/x", "http://[::1/x", "http://host:99999/x"])
def test_url_that_cannot_be_parsed_is_refused(url):
    assert "is not valid" in refusal(url)


@pytest.mark.parametrize("url", ["https://user:SECRET/x@host/y", "https://user:SECRET\u2100@host/y"])
def test_part_of_a_password_in_a_url_that_cannot_be_parsed_is_not_shown(url):
    message = refusal(url)
    assert "is not valid" in message
    assert "SECRET" not in message


@pytest.mark.parametrize("url", ["file://voice", "file://voice/sub", "file://~/voice"])
def test_folder_that_is_not_absolute_is_refused(url):
    assert "write file:///folder" in refusal(url)


def test_unknown_scheme_lists_the_installed_ones():
    message = refusal("redis://team/voice")
    assert "no store is named 'redis'" in message
    assert "s3" in message


@pytest.mark.parametrize(
    ("scheme", "meant"), [("s3a", "s3"), ("gcs", "gs"), ("azure", "az"), ("abfs", "abfss"), ("s33", "s3")]
)
def test_alias_of_a_scheme_is_refused_with_the_scheme_that_is_meant(scheme, meant):
    assert f"did you mean {meant!r}" in refusal(f"{scheme}://team/voice")


def test_scheme_without_its_package_names_the_extra(monkeypatch):
    from russo._backends import entry_points

    monkeypatch.setattr(entry_points, "registered", lambda group: [])
    entry_points.installed_in.cache_clear()
    try:
        assert 'pip install "russo-core[remote]"' in refusal("s3://team/voice")
    finally:
        monkeypatch.undo()
        entry_points.installed_in.cache_clear()


def test_two_packages_of_one_scheme_are_refused(install):
    install("one-store", STORE, acme="Store")
    install("other-store", STORE, acme="Store")
    message = refusal("acme://team")
    assert "'acme' is claimed by one-store" in message
    assert "and other-store" in message


def test_check_imports_nothing(install):
    install("acme-store", STORE, acme="Store")
    assert check_url("acme://team", "command line") == "acme://team"
    assert "acme_store_stores" not in sys.modules


# -- the folder of a URL


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///mnt/voice", Path("/mnt/voice")),
        ("file:///mnt/my%20voice", Path("/mnt/my voice")),
        ("s3://team/voice", None),
        ("file:x", None),
    ],
)
def test_folder_of_a_url(url, folder):
    assert folder_of(url) == folder


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:SECRET@host:6379/0", "redis://host:6379/0"),
        ("redis://user:SECRET@host", "redis://host"),
        ("https://host/a@b/c", "https://host/a@b/c"),
        ("https://host/a?sig=SECRET", "https://host/a"),
        ("https://host?sig=SECRET/x", "https://host"),
        ("https://host/#SECRET", "https://host/"),
        ("abfss://container@account/x", "abfss://container@account/x"),
        ("abfss://container:SECRET@account/x", "abfss://account/x"),
        ("memory://team", "memory://team"),
    ],
)
def test_url_is_shown_without_credentials(url, shown):
    assert url_without_credentials(url) == shown


# -- opening


def opened(install, target, scheme="acme"):
    install("acme-store", STORE, **{scheme: target})
    sys.modules.pop("acme_store_stores", None)
    return LazyStore(check_url(f"{scheme}://team/voice", "command line"))


def test_store_is_opened_at_its_first_call_with_the_url(install):
    store = opened(install, "Store")
    assert "acme_store_stores" not in sys.modules
    store.put("v1/x", b"1", replace=True)
    assert store.get("v1/x", 10) == b"1"
    assert sys.modules["acme_store_stores"].opened == ["acme://team/voice"]


def test_store_that_was_not_opened_is_closed_without_being_opened(install):
    opened(install, "Store").close()
    assert "acme_store_stores" not in sys.modules


def test_store_without_a_close_is_closed(install):
    store = opened(install, "Half")
    store._store = object()
    store.close()


def test_store_that_can_list_lists(install):
    assert list(opened(install, "Listing").list("v1/")) == ["v1/"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("Half", "Half has no get and put"),
        ("refuses", "its region is not set"),
        ("fails", r"RuntimeError: no \x1b today"),
        ("leaks", "RuntimeError: no redis://[redacted]@h/0 and no https://h/x?[redacted]"),
        ("number", "it must be a class or a function that makes a store"),
        ("absent", "cannot be loaded"),
    ],
)
def test_store_that_cannot_be_opened_is_a_refusal(install, target, reason):
    with pytest.raises(StoreError) as caught:
        opened(install, target).get("v1/x", 10)
    assert caught.value.kind == "refused"
    assert reason in caught.value.reason


def test_store_that_is_down_while_it_is_opened_is_an_outage(install):
    with pytest.raises(StoreError, match="timed out") as caught:
        opened(install, "is_down").get("v1/x", 10)
    assert caught.value.kind == "outage"


def test_store_that_cannot_list_says_so(install):
    with pytest.raises(StoreError, match="Store cannot list its objects"):
        opened(install, "Store").list("v1/")


@pytest.mark.parametrize("store", [None, 3, Path("/mnt/voice"), object(), b"s3://team"])
def test_remote_cache_takes_a_url_or_a_store(store):
    with pytest.raises(TypeError, match="not a URL or an object with get and put"):
        RemoteCache(store)
