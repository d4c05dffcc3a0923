"""``russo doctor``: the shared store, its package, russo.lock, and with ``--online`` its answer."""

import importlib.metadata

import pytest

from russo._remote.pins import LockFile, Pin
from support.command import russo
from support.speakers import sound

PLANTED = "planted-secret-0123456789"


@pytest.fixture(autouse=True)
def synth(monkeypatch):
    monkeypatch.setenv("RUSSO_SYNTH", "local")


def ini(folder, *lines):
    (folder / "pytest.ini").write_text("\n".join(["[pytest]", *lines, ""]))


def examine(*arguments):
    done = russo("doctor", "--json", *arguments)
    assert done.code == bool(done.json["problems"])
    return done.json


def store(*arguments):
    return examine(*arguments)["shared_store"]


def problems(*arguments):
    return [(each["problem"], each["advice"]) for each in examine(*arguments)["problems"]]


def text():
    """The section of the output, with each run of white space as one space."""
    return " ".join(russo("doctor").out.partition("shared store\n")[2].partition("backends\n")[0].split())


def test_run_without_a_store_has_no_problem():
    assert store() == {"url": None, "lock_file": None}
    assert text() == "none is set russo.lock: there is none; russo cache lock makes it"


def test_store_is_named_with_its_source_its_package_and_the_rights(folder, monkeypatch):
    ini(folder, "russo_remote = s3://team/voice")
    version = importlib.metadata.version("russo-remote")
    assert text() == (
        f"s3://team/voice (russo_remote in {folder / 'pytest.ini'}) a test run reads it, and uploads nothing "
        f"russo.lock: there is none; russo cache lock makes it opened by russo-remote {version} "
        "not asked; --online asks it for one small object"
    )
    monkeypatch.setenv("RUSSO_REMOTE_WRITE", "1")
    assert "a test run reads it, and uploads new audio (environment variable" in text()
    found = store()
    assert (found["url"], found["write"], found["reachable"]) == ("s3://team/voice", True, None)
    assert found["package"] == f"russo-remote {version}"
    assert examine()["problems"] == []


def test_settings_have_the_store_and_the_right_to_write(folder, monkeypatch):
    ini(folder, "russo_remote = s3://team/voice")
    monkeypatch.setenv("RUSSO_REMOTE_WRITE", "1")
    values = {each["name"]: (each["value"], each["source"]) for each in examine()["settings"]["values"]}
    assert values["remote"] == ("s3://team/voice", f"russo_remote in {folder / 'pytest.ini'}")
    assert values["remote_write"] == ("1", "environment variable RUSSO_REMOTE_WRITE")


def test_scheme_without_a_package_names_the_problem(monkeypatch):
    monkeypatch.setenv("RUSSO_REMOTE", "redis://team/voice")
    ((problem, advice),) = problems()
    assert problem.startswith("no store is named 'redis'; installed: ")
    assert advice == "correct the setting, or install the package"


@pytest.mark.parametrize("online", [(), ("--online",)])
def test_credential_in_the_url_is_not_shown(monkeypatch, online):
    monkeypatch.setenv("RUSSO_REMOTE", f"https://me:{PLANTED}@127.0.0.1:9/voice?sig={PLANTED}")
    for arguments in (online, ("--json", *online)):
        result = russo("doctor", *arguments)
        assert result.code == 1
        assert PLANTED not in result.out + result.err
        assert "has a user, a password, a query or a fragment" in " ".join(result.out.split())


def test_committed_right_to_write_is_a_problem(folder, monkeypatch):
    ini(folder, "russo_remote = s3://team/voice", "addopts = --russo-remote-write")
    ((problem, advice),) = problems()
    assert problem.startswith("--russo-remote-write is in addopts of pytest.ini, ")
    assert advice == "remove it, and give it on the command line or set RUSSO_REMOTE_WRITE=1"
    ini(folder, "russo_remote = s3://team/voice")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--russo-remote-write")
    assert problems() == []


def test_value_that_is_neither_yes_nor_no_is_a_problem(monkeypatch):
    monkeypatch.setenv("RUSSO_REMOTE", "s3://team/voice")
    monkeypatch.setenv("RUSSO_REMOTE_WRITE", "maybe")
    assert [problem for problem, _ in problems()] == [
        "'maybe' is neither yes nor no (environment variable RUSSO_REMOTE_WRITE)"
    ]


def test_pins_of_the_lock_file_are_counted(folder):
    LockFile(folder / "russo.lock").update({"a": Pin.of(sound("x"), "x"), "b": Pin.of(sound("y"), "y")})
    assert "russo.lock: 2 pins" in text()
    assert store()["lock_file"] == {"path": str(folder / "russo.lock"), "pins": 2}


def test_invalid_lock_file_is_a_problem(folder):
    (folder / "russo.lock").write_text("<<<<<<< HEAD\n")
    ((problem, advice),) = problems()
    assert f"{folder / 'russo.lock'}, line 1: a merge conflict" in problem
    assert advice == "correct the file; a run with a shared store refuses it"
    assert store()["lock_file"]["pins"] is None


def test_folder_is_looked_at_and_not_made(folder, remote):
    assert text().endswith("does not exist; the first upload makes it")
    assert store("--online")["reachable"] is False
    assert not remote.exists()
    remote.mkdir()
    assert text().endswith("the folder exists")
    assert list(remote.iterdir()) == []
    assert examine("--online")["problems"] == []


def test_online_asks_for_the_marker_only(plain_remote):
    assert store()["reachable"] is None
    assert not plain_remote.root.exists()
    assert store("--online")["reachable"] is True
    assert (plain_remote.root / "calls.txt").read_text() == "get v1/russo\n"


def test_online_says_whether_a_machine_has_uploaded(folder, plain_remote, cache):
    def answer():
        return next(line for line in russo("doctor", "--online").lines if "answers" in line).strip()

    assert answer() == "answers; no machine has uploaded to it yet"
    russo("cache", "push")
    assert answer() == "answers"


@pytest.mark.parametrize(
    ("kind", "advice"), [("refused", "check the variables of the store"), ("outage", "check the network")]
)
def test_store_that_does_not_answer_is_a_problem(plain_remote, kind, advice):
    plain_remote.trouble(kind)
    sentence = f"the shared store {plain_remote.url} does not answer: it is down"
    assert problems("--online") == [(sentence, advice)]
    assert problems() == []


def test_closed_port_is_named_without_a_secret(monkeypatch):
    monkeypatch.setenv("RUSSO_REMOTE", "s3://team/voice")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PLANTED)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    result = russo("doctor", "--online")
    assert result.code == 1
    assert "the shared store s3://team/voice does not answer: " in " ".join(result.out.split())
    assert PLANTED not in result.out + result.err
    assert "AKIAPLANTED" not in result.out + result.err
