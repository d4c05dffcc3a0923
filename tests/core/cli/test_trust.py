"""Consent: a command asks before it sends a key to a server, or runs code, that only the ini file names."""

import sys

import pytest

from russo._cli.consent import ask
from russo._cli.screen import RefusedError
from russo._cli.trust import is_near
from russo._cli.urls import without_credentials
from support.command import enter_project, russo
from support.terminal import run_on_terminal

SERVER = """
from russo import Audio

class Server:
    cache_key_extra = {"backend": "server"}
    hosts = ("api.vendor.example",)

    def __init__(self, *, base_url: str = "https://api.vendor.example", proxy_url: str = "", where: str = ""):
        with open("made.txt", "a") as file:
            print(base_url, proxy_url, where, file=file)

    async def synthesize(self, text):
        return Audio(b"ab" * 100, "pcm", 8000)
"""
NAME = "server_of_test:Server"
FOREIGN = "http://192.0.2.1/v1"


class Vendor:
    hosts = ("api.vendor.example",)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = enter_project(tmp_path, monkeypatch)
    (folder / "server_of_test.py").write_text(SERVER)
    (folder / "prompts.txt").write_text("hello\n")
    monkeypatch.delitem(sys.modules, "server_of_test", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("RUSSO_SYNTH", NAME)
    return folder


def write_ini(folder, *lines):
    (folder / "pytest.ini").write_text("\n    ".join(["[pytest]\nrusso_synth_options =", *lines]) + "\n")


@pytest.fixture(params=["say", "record"])
def speak(request):
    """Return a function that runs `say` or `record` without a terminal."""
    what = {"say": ["say", "hello", "-o", "out.wav"], "record": ["record", "prompts.txt"]}[request.param]
    return lambda *options: russo(*what, *options)


FOREIGN_URLS = [
    FOREIGN,
    "https://evil.example/v1",
    "http://0.0.0.0/v1",
    "http://localhost.evil.example/v1",
    "http://localhost@evil.example/v1",
    "http://127.0.0.1@evil.example",
    "http://127.0.0.1\\@evil.example",
    "http://evil.example#@127.0.0.1",
    "http://evil.example?@127.0.0.1",
    "http://[::1]@evil.example",
    "http://[::ffff:192.0.2.1]/v1",
    "http://127.1/v1",
    "http://2130706433/v1",
    "http://localhost\t.evil.example",
    "//evil.example",
    "evil.example",
    "http://api.vendor.example/v1",
    "https://api.vendor.example.evil.example/v1",
    "https://evilapi.vendor.example/v1",
    "https://api.vendor.example@evil.example/v1",
    "ftp://api.vendor.example",
    "http://",
    "http://[",
    "http:///v1",
]
NEAR_URLS = [
    "http://localhost:8880/v1",
    "http://LOCALHOST/v1",
    "http://127.0.0.1:8880/v1",
    "http://127.8.9.1/",
    "http://[::1]:8880/v1",
    "ws://127.0.0.1:9/v1",
    "https://api.vendor.example/v1",
    "https://API.vendor.example/v1",
    "https://eu.api.vendor.example/v1",
    "wss://eu.api.vendor.example",
]


@pytest.mark.parametrize("url", FOREIGN_URLS)
def test_foreign_url_is_not_trusted(url):
    assert not is_near(url, Vendor)


@pytest.mark.parametrize("url", NEAR_URLS)
def test_url_of_this_machine_or_of_the_service_is_trusted(url):
    assert is_near(url, Vendor)


@pytest.mark.parametrize("hosts", [None, "vendor.example", (), ("",), (None,), {"api.vendor.example": 1}])
def test_malformed_hosts_of_a_class_are_ignored(hosts):
    assert not is_near("https://api.vendor.example", type("Odd", (), {"hosts": hosts}))


@pytest.mark.parametrize("url", [FOREIGN, "http://127.0.0.1@evil.example", "http://["])
def test_foreign_server_of_the_ini_file_needs_consent(folder, speak, url):
    write_ini(folder, f"custom.base_url={url}")
    result = speak()
    assert (result.code, result.out) == (2, "")
    assert "pytest.ini sends prompts and the key to" in result.err
    assert "standard input is not a terminal; nothing was sent" in result.err
    assert not (folder / "made.txt").exists()
    assert not (folder / ".russo_cache").exists()


@pytest.mark.parametrize("url", ["http://localhost:8880/v1", "https://eu.api.vendor.example/v1"])
def test_trusted_server_is_shown_without_a_question(folder, speak, url):
    write_ini(folder, f"custom.base_url={url}")
    result = speak()
    assert result.code == 0
    assert f"base_url: {url} (pytest.ini)" in result.err.splitlines()


def test_server_is_shown_before_the_first_call(folder):
    write_ini(folder, "custom.base_url=http://localhost:1/v1")
    lines = russo("say", "hello").err.splitlines()
    assert lines[:2] == [
        f"backend: {NAME} (environment variable RUSSO_SYNTH)",
        "base_url: http://localhost:1/v1 (pytest.ini)",
    ]


@pytest.mark.parametrize("option", ["custom.proxy_url=evil.example:80", "custom.where=https://evil.example"])
def test_url_in_any_other_option_needs_consent(folder, speak, option):
    write_ini(folder, option)
    assert speak().code == 2
    assert not (folder / "made.txt").exists()


@pytest.mark.parametrize("flag", ["--yes", "-y"])
def test_yes_flag_gives_consent(folder, speak, flag):
    write_ini(folder, f"custom.base_url={FOREIGN}")
    result = speak(flag)
    assert result.code == 0
    assert f"base_url: {FOREIGN} (pytest.ini)" in result.err.splitlines()
    assert (folder / "made.txt").read_text().split() == [FOREIGN]


def test_server_on_the_command_line_needs_no_consent(folder, speak):
    write_ini(folder, "custom.base_url=http://evil.example")
    result = speak("--synth-option", f"custom.base_url={FOREIGN}")
    assert result.code == 0
    assert f"base_url: {FOREIGN} (command line)" in result.err.splitlines()
    assert (folder / "made.txt").read_text().split() == [FOREIGN]


@pytest.mark.parametrize(
    "given",
    [
        f"--russo-synth-option=custom.base_url={FOREIGN}",
        f"-o russo_synth_options=custom.base_url={FOREIGN}",
    ],
)
def test_server_in_the_environment_needs_no_consent_but_ini_addopts_do(folder, speak, monkeypatch, given):
    monkeypatch.setenv("PYTEST_ADDOPTS", given)
    result = speak()
    assert result.code == 0
    assert f"base_url: {FOREIGN} (PYTEST_ADDOPTS)" in result.err.splitlines()
    monkeypatch.delenv("PYTEST_ADDOPTS")
    (folder / "pytest.ini").write_text(f"[pytest]\naddopts = {given}\n")
    assert speak().code == 2


def test_server_in_both_ini_file_and_environment_needs_no_consent(folder, speak, monkeypatch):
    write_ini(folder, f"custom.base_url={FOREIGN}")
    monkeypatch.setenv("PYTEST_ADDOPTS", f"--russo-synth-option=custom.base_url={FOREIGN}")
    assert speak().code == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_say_asks_for_consent_on_a_terminal(folder, answer, code):
    write_ini(folder, f"custom.base_url={FOREIGN}")
    shown = run_on_terminal("say", "hello", "-o", "out.wav", answer=answer, code=code, columns=200)
    assert f"Send prompts and the key to {FOREIGN}, which pytest.ini names? [y/N]" in shown
    assert (folder / "made.txt").exists() == (code == 0)
    if code:
        assert "russo: nothing was sent" in shown


def in_ini(folder, monkeypatch):
    monkeypatch.delenv("RUSSO_SYNTH")
    (folder / "pytest.ini").write_text(f"[pytest]\nrusso_synth = {NAME}\n")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_say_asks_before_it_runs_a_factory_of_the_ini_file(folder, monkeypatch, answer, code):
    in_ini(folder, monkeypatch)
    (folder / "server_of_test.py").write_text("open('imported.txt', 'w').close()\n" + SERVER)
    shown = run_on_terminal("say", "hello", "-o", "out.wav", answer=answer, code=code, columns=200)
    assert f"Run the code of {NAME}, which pytest.ini, russo_synth names? [y/N]" in shown
    assert (folder / "imported.txt").exists() == (code == 0)


@pytest.mark.parametrize("how", ["--synth", "environment", "PYTEST_ADDOPTS", "--yes"])
def test_factory_given_by_the_user_needs_no_consent(folder, monkeypatch, how):
    in_ini(folder, monkeypatch)
    arguments = {"--synth": ["--synth", NAME], "--yes": ["--yes"]}.get(how, [])
    if how == "environment":
        monkeypatch.setenv("RUSSO_SYNTH", NAME)
    elif how == "PYTEST_ADDOPTS":
        monkeypatch.setenv("PYTEST_ADDOPTS", f"--russo-synth={NAME}")
    shown = run_on_terminal("say", "hello", "-o", "out.wav", *arguments, columns=200)
    assert "[y/N]" not in shown
    assert f"backend: {NAME} (" in shown


def test_factory_of_the_ini_file_is_shown_and_run_without_a_terminal(folder, monkeypatch, speak):
    in_ini(folder, monkeypatch)
    result = speak()
    assert result.code == 0
    assert result.err.splitlines()[0] == f"backend: {NAME} (pytest.ini, russo_synth)"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:secret@host/v1?key=secret#secret", "https://host/v1"),
        ("user:secret@host", "host"),
        ("https://a@b:secret@host", "https://host"),
        ("abfss://box@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
        ("abfss://box:secret@account/a?sig=secret", "abfss://account/a"),
        ("https://host/\x1b[31m", r"https://host/\x1b[31m"),
        ("https://" + "h" * 1000, "https://" + "h" * 191 + "\N{HORIZONTAL ELLIPSIS}"),
    ],
)
def test_url_is_shown_shortened_and_without_credentials(url, text):
    assert without_credentials(url) == text


def test_password_in_the_ini_file_is_not_shown(folder, speak):
    write_ini(folder, "custom.base_url=https://user:secret@evil.example/v1?key=secret")
    result = speak()
    assert result.code == 2
    assert "secret" not in result.err + result.out


@pytest.mark.parametrize(
    ("declared", "lines"), [("", []), (" ", []), (FOREIGN, [f"base_url: {FOREIGN} (environment)"])]
)
def test_server_declared_by_a_synthesizer_is_shown_unless_empty(folder, speak, declared, lines):
    path = folder / "server_of_test.py"
    path.write_text(SERVER.replace('"backend": "server"', f'"backend": "server", "base_url": {declared!r}'))
    result = speak("--yes")
    assert result.code == 0
    assert [line for line in result.err.splitlines() if line.startswith("base_url")] == lines


def test_question_without_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(RefusedError, match="standard input is not a terminal"):
        ask("Remove 1 entry?", yes=False)
