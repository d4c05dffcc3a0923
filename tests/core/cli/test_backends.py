import importlib.metadata
import json
import subprocess
import sys

import pytest

from russo._backends import discovery
from support.command import russo, start
from support.terminal import run_on_terminal

GROUP = "russo.synthesizers"


class Site:
    """Distributions that a test writes by hand; they precede the installed ones on the path."""

    def __init__(self, path, monkeypatch):
        self.path = path
        path.mkdir()
        monkeypatch.setenv("PYTHONPATH", str(path))

    def install(self, distribution, module, source, names, *metadata):
        if source is not None:
            (self.path / f"{module}.py").write_text(source)
        info = self.path / f"{distribution.replace('-', '_')}-2.5.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", "Version: 2.5", *metadata]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        entries = "".join(f"{name} = {module}:Voice\n" for name in names)
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}")

    def listed(self, **environment):
        out, err = start("backends", "--json", env=environment).communicate(timeout=60)
        assert err == b""
        return {(each["name"], each["package"]): each for each in json.loads(out)["backends"]}


ENDING = """
from russo.authoring import ModelEnd

class Voice:
    model_ends = {
        "new": ModelEnd("2999-01-01", "https://acme.example/ends"),
        "old": ModelEnd("2001-01-01", "https://acme.example/ends"),
        "older": ModelEnd("2001-01-01", "https://acme.example/ends"),
        "odd": ModelEnd("soon", "x"),
        "odder": ("2001-01-01", "x"),
    }
    async def synthesize(self, text): ...
"""
VOICE = """
class Voice:
    credentials = ("ACME_KEY", "ACME_OTHER_KEY")
    async def synthesize(self, text): ...
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    return Site(tmp_path / "site", monkeypatch)


def test_installed_backends_are_listed():
    found = {each["name"]: each for each in russo("backends", "--json").json["backends"]}
    assert {"local", "openai", "openai-speech", "google", "elevenlabs"} <= set(found)
    local = found["local"]
    assert (local["package"], local["version"]) == ("russo-local", importlib.metadata.version("russo-local"))
    assert (local["state"], local["cause"]) == ("ready", "")


def test_default_output_is_a_table(monkeypatch):
    for variable in ("ELEVENLABS_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, "key")
    head, *rows = russo("backends").lines
    assert head.split() == ["name", "package", "version", "state", "keys"]
    installed = sorted(discovery.installed_backends())
    assert [row.split()[0] for row in rows[: len(installed)]] == installed
    documentation, ends = rows[len(installed) : 2 * len(installed)], rows[2 * len(installed) :]
    assert [row.partition(": documentation: ")[0] for row in documentation] == installed
    assert "openai: documentation: python -m pydoc russo_openai" in documentation
    assert ends
    assert all(row.partition(": the model")[0] in installed for row in ends)


def test_names_are_not_broken_in_80_columns(site):
    site.install("acme-voice", "acme_voice", ENDING, ["acme"])
    lines = run_on_terminal("backends").splitlines()
    words = {word for line in lines for word in line.split()}
    assert {"russo-elevenlabs", "russo_elevenlabs", "ELEVENLABS_API_KEY", "GEMINI_API_KEY"} <= words
    assert "acme: the models old, older ended on 2001-01-01 (https://acme.example/ends)" in lines
    assert "elevenlabs: documentation: python -m pydoc russo_elevenlabs" in lines
    assert all(len(line) <= 80 for line in lines if len(line.split()) > 1)


def test_keys_are_named_and_never_shown(site):
    site.install("acme-voice", "acme_voice", VOICE, ["acme"])
    found = site.listed(ACME_KEY="sk-planted-key", ACME_OTHER_KEY="")
    assert found["acme", "acme-voice"]["credentials"] == {"ACME_KEY": True, "ACME_OTHER_KEY": False}
    assert "sk-planted-key" not in json.dumps([*found.values()])
    out, _ = start("backends", env={"ACME_KEY": "sk-planted-key"}).communicate(timeout=60)
    assert b"ACME_KEY set, ACME_OTHER_KEY not set" in out
    assert b"sk-planted-key" not in out


def test_announced_ends_of_models_are_listed_with_date_and_source(site):
    site.install("acme-voice", "acme_voice", ENDING, ["acme"])
    past, future = site.listed()["acme", "acme-voice"]["model_ends"]
    assert past == "the models old, older ended on 2001-01-01 (https://acme.example/ends)"
    assert future.startswith("the model new ends on 2999-01-01, in ")
    out, _ = start("backends").communicate(timeout=60)
    assert f"acme: {past}" in out.decode()


def test_backend_that_declares_no_credentials_is_listed_with_unknown_keys(site):
    site.install("acme-voice", "acme_voice", "class Voice: ...", ["acme"])
    assert site.listed()["acme", "acme-voice"]["credentials"] is None


def test_backend_that_fails_to_load_is_listed_as_broken(site):
    site.install("acme-voice", "acme_voice", "raise ValueError('half installed')", ["acme"])
    site.install("exit-voice", "exit_voice", "raise SystemExit(3)", ["leaves"])
    site.install("gone-voice", "gone_voice", None, ["gone"])
    site.install("next-voice", "next_voice", "class Voice: russo_api = 2", ["next"])
    found = site.listed()
    acme = found["acme", "acme-voice"]
    assert acme["state"] == "broken"
    assert "'acme_voice:Voice' of acme-voice" in acme["cause"]
    assert "ValueError: half installed" in acme["cause"]
    assert "exits (3)" in found["leaves", "exit-voice"]["cause"]
    assert found["gone", "gone-voice"]["state"] == "broken"
    assert "plugin contract 2" in found["next", "next-voice"]["cause"]
    assert found["local", "russo-local"]["state"] == "ready"


def test_missing_sdk_is_found_in_the_metadata(site):
    requires = [
        "Requires-Dist: acme-sdk>=1",
        "Requires-Dist: pluggy>=1",
        "Requires-Dist: other-sdk; python_version < '3'",
        "Requires-Dist: extra-sdk; extra == 'more'",
    ]
    site.install("acme-voice", "acme_voice", VOICE, ["acme"], *requires)
    acme = site.listed()["acme", "acme-voice"]
    assert (acme["state"], acme["cause"]) == (
        "SDK missing",
        "acme-sdk is not installed: pip install 'acme-sdk>=1'",
    )
    assert acme["credentials"] == {"ACME_KEY": False, "ACME_OTHER_KEY": False}


def test_too_old_sdk_is_found_in_the_metadata(site):
    site.install("acme-voice", "acme_voice", VOICE, ["acme"], "Requires-Dist: pluggy>=900")
    acme = site.listed()["acme", "acme-voice"]
    assert acme["state"] == "SDK missing"
    assert acme["cause"] == f"pluggy is {importlib.metadata.version('pluggy')}, and >=900 is needed"


def test_missing_sdk_is_found_by_the_import(site):
    site.install("acme-voice", "acme_voice", "import acme_sdk.client", ["acme"])
    acme = site.listed()["acme", "acme-voice"]
    assert (acme["state"], acme["cause"]) == ("SDK missing", "No module named 'acme_sdk'")


def test_name_claimed_twice_is_listed_for_both_packages_and_imports_neither(site):
    source = "import pathlib\npathlib.Path(__file__).with_name('imported').touch()"
    site.install("acme-voice", "acme_voice", source, ["acme"])
    site.install("zeta-voice", "zeta_voice", source, ["acme"])
    found = site.listed()
    for package in ("acme-voice", "zeta-voice"):
        each = found["acme", package]
        assert each["state"] == "name claimed twice"
        assert each["cause"] == (
            "claimed by acme-voice (acme_voice:Voice) and zeta-voice (zeta_voice:Voice); uninstall one of them"
        )
    assert not (site.path / "imported").exists()


def test_documentation_is_the_url_of_the_metadata_or_the_docstring(site):
    urls = [
        "Project-URL: Source, https://acme.example/git",
        "Project-URL: Documentation, https://acme.example/d",
    ]
    site.install("acme-voice", "acme_voice", VOICE, ["acme"], *urls)
    site.install("plain-voice", "plain_voice", VOICE, ["plain"])
    found = site.listed()
    assert found["acme", "acme-voice"]["documentation"] == "https://acme.example/d"
    assert found["plain", "plain-voice"]["documentation"] == "python -m pydoc plain_voice"


def test_listing_backends_imports_no_sdk():
    code = (
        "import sys\nfrom russo._cli import main\nmain(['backends'])\n"
        "print([name for name in ('openai', 'google.genai', 'elevenlabs', 'hibari', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("value", "is_set"), [("", False), (" ", False), ("\t\n", False), ("key", True), (" key ", True)]
)
def test_blank_variable_is_not_a_key(site, value, is_set):
    site.install("acme-voice", "acme_voice", VOICE, ["acme"])
    found = site.listed(ACME_KEY=value)["acme", "acme-voice"]
    assert found["credentials"] == {"ACME_KEY": is_set, "ACME_OTHER_KEY": False}


# -- the state of the key


def test_backend_whose_key_is_not_set_is_not_ready(site):
    site.install("acme-voice", "acme_voice", VOICE, ["acme"])
    acme = site.listed(ACME_KEY="", ACME_OTHER_KEY="")["acme", "acme-voice"]
    assert (acme["state"], acme["cause"]) == ("key missing", "set ACME_KEY or ACME_OTHER_KEY")
    acme = site.listed(ACME_KEY="", ACME_OTHER_KEY="key")["acme", "acme-voice"]
    assert (acme["state"], acme["cause"]) == ("ready", "")


def test_backend_without_declared_credentials_is_ready(site):
    site.install("acme-voice", "acme_voice", "class Voice: ...", ["acme"])
    site.install("free-voice", "free_voice", "class Voice: credentials = ()", ["free"])
    found = site.listed()
    assert found["acme", "acme-voice"]["state"] == found["free", "free-voice"]["state"] == "ready"


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ("google.vertexai=true", "ready"),
        ("google.vertexai=no", "key missing"),
        ("google.vertexai=perhaps", "key missing"),
        ("google.api_key=planted-key-of-the-ini-file", "ready"),
        ("google.api_key=", "key missing"),
        ("google.voice=Puck", "key missing"),
        ("openai.api_key=planted-key-of-the-ini-file", "key missing"),
    ],
)
def test_options_of_the_folder_can_be_the_key_or_replace_it(folder, options, state):
    (folder / "pytest.ini").write_text(f"[pytest]\nrusso_synth_options =\n    {options}\n")
    done = russo("backends", "--json")
    google = next(each for each in done.json["backends"] if each["name"] == "google")
    assert google["state"] == state
    name = options.partition(".")[2].partition("=")[0]
    assert google["key_option"] == (name if state == "ready" else "")
    assert f"option {name} set" in russo("backends").out or state != "ready"
    assert "the option vertexai uses application default credentials" in google["cause"] or state == "ready"
    assert "planted-key" not in done.out + russo("backends").out + russo("backends", "google").out


def test_backends_are_listed_if_the_configuration_of_pytest_is_broken(folder):
    (folder / "pytest.ini").write_text("[pytest]\nrusso_speak_ahead = many\n")
    assert russo("backends").code == 0
    assert russo("backends", "local").code == 0
    assert russo("backends", "support.speakers:Speaker").code == 2


# -- damaged metadata


@pytest.mark.parametrize(
    "metadata",
    ["", "Name: acme-voice\n", "Name: acme-voice\nVersion: next\nRequires-Dist: =\n", "\x1b[31m: x\n"],
    ids=["empty", "no version", "nothing valid", "an escape"],
)
def test_damaged_metadata_is_survived(site, metadata):
    site.install("acme-voice", "acme_voice", VOICE, ["acme"])
    (site.path / "acme_voice-2.5.dist-info" / "METADATA").write_text(metadata)
    out, err = start("backends", "--json").communicate(timeout=60)
    assert err == b""
    found = {each["name"]: each["state"] for each in json.loads(out)["backends"]}
    assert (found["acme"], found["local"]) == ("key missing", "ready")


def test_requirement_without_a_version_is_reported(site):
    site.install("acme-voice", "acme_voice", VOICE, ["acme"], "Requires-Dist: other-voice>=1")
    site.install("other-voice", "other_voice", "", [])
    (site.path / "other_voice-2.5.dist-info" / "METADATA").write_text("Name: other-voice\n")
    assert "other-voice has no version: pip install" in site.listed()["acme", "acme-voice"]["cause"]


# -- long names


LONG = "a-voice-with-a-name-that-is-much-longer-than-a-terminal-is-wide-and-has-no-space-in-it-at-all"


@pytest.mark.parametrize("columns", [30, 80])
def test_long_names_are_never_broken_or_cut(site, columns):
    site.install(LONG, "acme_voice", VOICE, ["acme"])
    shown = run_on_terminal("backends", columns=columns, env={"ACME_KEY": "key"})
    lines = shown.splitlines()
    assert "…" not in shown
    assert f"package: {LONG}" in lines
    assert "package: russo-elevenlabs" in lines
    assert "name: openai-speech" in lines


@pytest.mark.parametrize("columns", [20, 60, 70, 80, 120])
def test_names_are_whole_at_any_width(columns):
    words = set(run_on_terminal("backends", columns=columns).split())
    assert {"openai-speech", "russo-elevenlabs", "ELEVENLABS_API_KEY", "GEMINI_API_KEY"} <= words
