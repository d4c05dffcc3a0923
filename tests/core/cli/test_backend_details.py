"""``russo backends NAME``."""

import json
import shlex
import subprocess
import sys

import pytest

from russo._backends.constructor import convert_options
from russo._backends.discovery import installed_backends, load_backend, load_synthesizer
from support.command import russo, start
from support.terminal import run_on_terminal

BACKENDS = ["elevenlabs", "google", "local", "openai", "openai-speech"]
FACTORY = '''
import enum
from typing import Annotated, Literal, Optional

from russo.authoring import Range


class Pace(enum.Enum):
    SLOW = "slow"
    FAST = "fast"


class Voice:
    """Speaks ``loudly``.

    More about it.

    Args:
        voice: The voice. It has a second sentence, of
            pitch: it is not an option here.
        pitch (int): The pitch: in Hz.
        token: Never shown.

    Raises:
        ValueError: mood: is not an option.
    """

    credentials = ("ACME_KEY",)
    voices = ["anna", "bert"]

    def __init__(self, *, voice: str = "anna", pitch: Optional[Annotated[int, Range(100, 400)]] = None,
                 gain: Annotated[float | None, Range(0)] = None, mood: Literal["glad", "sad"] = "sad",
                 pace: Pace = Pace.SLOW, loud: bool = True, token: str = "sk-default-token",
                 either: int | str = 3, model: str, plain="x", **more):
        pass

    async def synthesize(self, text): ...
'''


def details(name):
    done = russo("backends", name, "--json")
    assert (done.code, done.err) == (0, "")
    [found] = done.json["backends"]
    return found


@pytest.fixture
def acme(folder, monkeypatch):
    """Write a module to the folder; the test's functions describe its class Voice."""

    def write(source=FACTORY):
        monkeypatch.delitem(sys.modules, "acme", raising=False)
        (folder / "acme.py").write_text(source)
        out, err = start("backends", "acme:Voice", "--json").communicate(timeout=60)
        assert err == b""
        [found] = json.loads(out)["backends"]
        return found

    return write


@pytest.mark.parametrize("name", BACKENDS)
def test_first_party_backend_is_described_whole(name):
    found = details(name)
    assert found["summary"]
    assert all(option["meaning"] for option in found["options"])
    assert {option["type"] for option in found["options"]} <= {
        *("text", "number", "whole number", "yes or no"),
        *("one of words, off", "one of wav, pcm"),
    }
    assert all(option["range"] for option in found["options"] if option["name"] == "speed")
    assert (found["voices"] is None) == (name == "elevenlabs")


@pytest.mark.parametrize("name", BACKENDS)
def test_values_of_the_description_are_accepted(name, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    found = details(name)
    defaults = {
        each["name"]: each["default"]
        for each in found["options"]
        if not each["required"] and each["default"] is not None
    }
    load_synthesizer(name, **defaults)
    given = found["examples"][1].rpartition(f" --synth-option {name}.")[2]
    option, _, value = given.partition("=")
    assert value != str(defaults[option])
    load_synthesizer(name, **convert_options(load_backend(name), {option: value}))
    assert found["examples"][0] == f"pytest --russo-synth={name} --russo-synth-option={name}.{given}"


def test_example_for_the_command_speaks(tmp_path):
    file = tmp_path / "hello.wav"
    _, *arguments = shlex.split(details("local")["examples"][1])
    process = start(*arguments, "-o", file)
    assert (process.communicate(timeout=60)[1].decode().count("error"), process.returncode) == (0, 0)
    assert file.stat().st_size > 10_000


def test_default_voice_is_one_of_the_voices():
    for name in BACKENDS[1:]:
        found = details(name)
        assert found["options"][0]["default"] in found["voices"]


@pytest.mark.parametrize("name", BACKENDS)
def test_lines_are_at_most_80_columns_wide_on_a_terminal(name):
    lines = run_on_terminal("backends", name).splitlines()
    urls = [line for line in lines if "https://" in line]
    assert [line for line in lines if len(line) > 80 and line not in urls] == []
    assert lines[0].startswith(f"{name}: ")
    assert lines[lines.index("documentation:") + 1].startswith("python -m pydoc russo_")
    words = {word.strip(",.;:") for line in lines for word in line.split()}
    assert name != "openai" or {"gpt-realtime-mini", "gpt-realtime-mini-2025-12-15"} <= words
    assert words >= {each["name"] for each in details(name)["options"]} | set(details(name)["voices"] or ())


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}])
def test_each_option_is_one_whole_line_in_a_pipe(environment):
    out, _ = start("backends", "elevenlabs", env=environment).communicate(timeout=60)
    lines = out.decode().splitlines()
    assert "use_speaker_boost  yes or no     yes" in lines
    assert "stability          number        0.5                     0 to 1" in lines
    assert "voices: the backend has no list of them; see the option voice" in lines
    assert "\x1b" not in out.decode()


def test_documentation_is_whole_on_a_line_of_its_own(tmp_path, monkeypatch):
    url = "https://acme.example/" + "a-long-path/" * 12
    site = tmp_path / "site"
    info = site / "acme-1.dist-info"
    info.mkdir(parents=True)
    (site / "acme_voice.py").write_text(FACTORY)
    (info / "METADATA").write_text(f"Name: acme\nVersion: 1\nProject-URL: Documentation, {url}\n")
    (info / "entry_points.txt").write_text("[russo.synthesizers]\nacme = acme_voice:Voice\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    lines = run_on_terminal("backends", "acme").splitlines()
    assert url in lines
    assert "package: acme 1" in lines
    assert "state: key missing; set ACME_KEY" in lines


def test_options_of_a_factory_are_described_in_words(acme):
    found = acme()
    options = {each["name"]: each for each in found["options"]}
    assert (found["summary"], found["package"], found["version"]) == ("Speaks ``loudly``.", "", "")
    assert (
        options["voice"]["meaning"]
        == "The voice. It has a second sentence, of pitch: it is not an option here."
    )
    assert (options["pitch"]["type"], options["pitch"]["range"]) == ("whole number", "100 to 400")
    assert options["pitch"]["meaning"] == "The pitch: in Hz."
    assert (options["gain"]["type"], options["gain"]["range"]) == ("number", "0 or more")
    assert (options["mood"]["type"], options["mood"]["choices"]) == ("one of glad, sad", ["glad", "sad"])
    assert options["mood"]["meaning"] == ""
    assert (options["pace"]["choices"], options["pace"]["default"]) == (["slow", "fast"], "slow")
    assert (options["loud"]["type"], options["loud"]["default"]) == ("yes or no", True)
    assert options["either"]["type"] == "whole number or text"
    assert (options["model"]["required"], options["model"]["default"]) == (True, None)
    assert options["plain"]["type"] == "text"
    assert "more" not in options
    assert found["voices"] == ["anna", "bert"]
    assert found["examples"] == [
        "pytest --russo-synth=acme:Voice --russo-synth-option=custom.model=VALUE",
        'russo say "Hello." --synth acme:Voice --synth-option custom.model=VALUE',
    ]


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ("voice='anna'", ["voice=bert"]),
        ("voice", ["voice=anna"]),  # options without a default are necessary
        ("voice, mood: Literal['glad', 'sad']", ["voice=anna", "mood=glad"]),
        ("level: Annotated[int, Range(3, 5)], name", ["level=3", "name=VALUE"]),
        ("timeout: Annotated[float, Range(0, above=True)]", ["timeout=VALUE"]),
        ("timeout: Annotated[float, Range(0, above=True)] = 3.0, seed=4", ["timeout=3.0"]),
        ("speed: Annotated[float, Range(1.0, 2.0)] = 2.0", ["speed=1.5"]),
        ("odd=object(), headers={'a': 1}, kinds=(1, 2), token='x', name=''", []),
        ("odd=object(), name='a b'", ["'name=a b'"]),
        ("url='https://user:word@host/', name='\\x1b', long='x' * 50", []),
    ],
)
def test_examples_have_necessary_options_and_valid_values(acme, options, given):
    found = acme(
        "from typing import Annotated, Literal\nfrom russo.authoring import Range\n"
        f"class Voice:\n    voices = ('anna', 'bert')\n    def __init__(self, *, {options}): ..."
    )
    given = [each.replace("name", "custom.name") if " " in each else f"custom.{each}" for each in given]
    expected = "".join(f" --synth-option {each}" for each in given)
    assert found["examples"][1] == f'russo say "Hello." --synth acme:Voice{expected}'
    expected = "".join(f" --russo-synth-option={each}" for each in given)
    assert found["examples"][0] == f"pytest --russo-synth=acme:Voice{expected}"


@pytest.mark.parametrize(("number", "more"), [(1000, False), (1001, True)])
def test_voices_that_are_not_shown_are_named(acme, number, more):
    found = acme(f"class Voice:\n    voices = tuple(f'v{{i}}' for i in range({number}))")
    assert (len(found["voices"]), found["more_voices"]) == (1000, more)
    out = russo("backends", "acme:Voice").out
    assert ("v999, and more; the first 1,000 are shown" in out) is more


def test_voices_are_told_apart(acme):
    acme("class Voice:\n    voices = ('anna', '', 'b c', 'd,e', 'f')")
    assert "voices: anna, '', 'b c', 'd,e', f" in russo("backends", "acme:Voice").out


@pytest.mark.parametrize(
    "default",
    [
        "'http://user:planted-secret@host/'",
        "'user:planted-secret@host'",
        "{'Authorization': 'planted-secret'}",
        "[('x-api-key', 'planted-secret')]",
        "'Bearer planted-secret'",
        "('basic planted-secret',)",
    ],
)
def test_default_that_holds_a_credential_is_not_shown(acme, default):
    found = acme(f"class Voice:\n    def __init__(self, *, other={default}): ...")
    assert "planted-secret" not in json.dumps(found)
    assert "planted-secret" not in russo("backends", "acme:Voice").out


@pytest.mark.parametrize("name", BACKENDS)
def test_limits_have_a_range(name):
    ranges = {each["name"]: each["range"] for each in details(name)["options"]}
    limits = {"timeout": "more than 0", "max_attempts": "1 or more", "max_concurrency": "1 or more"}
    if name != "local":  # it has no such options
        assert {limit: ranges[limit] for limit in limits} == limits


# -- the page of the service


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "local"])
def test_page_of_the_service_is_whole_on_a_line_of_its_own(name):
    url = details(name)["service_url"]
    assert url.startswith("https://")
    assert url in load_backend(name).service_url
    line = f"service: {url}"
    assert (line if len(line) <= 80 else url) in run_on_terminal("backends", name).splitlines()
    assert line in russo("backends", name).out.splitlines()


@pytest.mark.parametrize(
    "declared",
    [
        "3",
        "''",
        "'acme.example'",
        "'javascript:x'",
        "'https://acme.example/ x'",
        "'https://acme.example/\\x1b'",
        "'https://user:word@acme.example'",
        "'https://acme.example/' + 'x' * 1000",
        "property(lambda self: 1 / 0)",
    ],
)
def test_malformed_address_of_a_service_is_left_out(acme, declared):
    assert acme(f"class Voice:\n    service_url = {declared}")["service_url"] == ""
    assert "service:" not in russo("backends", "acme:Voice").out


def test_default_of_a_credential_is_never_shown(acme):
    assert {each["name"]: each["default"] for each in acme()["options"]}["token"] == "(hidden)"
    assert "sk-default-token" not in russo("backends", "acme:Voice").out


@pytest.mark.parametrize(
    "source",
    [
        "def Voice(): ...",
        "class Voice: __init__ = None",
        "class Voice:\n    def __init__(self, *, speed: 'Missing' = 1.0): ...",
        "class Voice:\n    __signature__ = 3\n    voices = 5\n    logins = 7\n    credentials = 9",
        "class Meta(type):\n    @property\n    def voices(cls): raise OSError\n    logins = credentials = voices\n"
        "class Voice(metaclass=Meta): ...",
        "class Odd:\n    def __repr__(self): raise OSError\n"
        "class Voice:\n    def __init__(self, *, odd=Odd(), big=10**5000, wide=float('inf')): ...",
        "class Voice:\n    'Args:'\n    voices = ('a', 3)",
        "class Voice:\n    def __init__(self, *, token: 'str' = 'planted-secret'): ...",
        "import itertools\nclass Voice:\n    voices = itertools.count()",
    ],
)
def test_malformed_class_is_described_as_far_as_possible(acme, source):
    found = acme(source)
    assert found["voices"] is None
    assert "planted-secret" not in json.dumps(found)
    done = russo("backends", "acme:Voice")
    assert (done.code, done.err) == (0, "")


def test_escapes_of_a_class_do_not_act_on_the_terminal(acme):
    acme(
        "class Voice:\n    'Red \x1b[31m.\\n\\nArgs:\\n    voice: A \x1b[31m voice.'\n"
        "    voices = ('a\\x1b[31m', 'b\\nc')\n"
        "    def __init__(self, *, voice='\\x1b[31m', other: '\\x1b' = 2): ..."
    )
    for out in (russo("backends", "acme:Voice").out, run_on_terminal("backends", "acme:Voice")):
        assert "\x1b" not in out
        assert r"a\x1b[31m, b\nc" in out


def test_unknown_backend_is_wrong_usage():
    done = russo("backends", "opnai")
    assert (done.code, done.out) == (2, "")
    assert "no backend is named 'opnai'" in done.err
    assert "did you mean 'openai'?" in done.err
    assert russo("backends", "gone:Voice").code == 2
    assert russo("backends", "not a path:").code == 2


def test_broken_backend_is_described_with_its_cause(tmp_path, monkeypatch):
    site = tmp_path / "site"
    info = site / "acme-1.dist-info"
    info.mkdir(parents=True)
    (site / "acme_voice.py").write_text("raise ValueError('half installed')")
    (info / "METADATA").write_text("Name: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[russo.synthesizers]\nacme = acme_voice:Voice\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    process = start("backends", "acme")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "state: broken; backend 'acme' ('acme_voice:Voice' of acme) cannot be loaded" in out.decode()


def test_describing_a_backend_imports_no_sdk():
    code = (
        "import sys\nfrom russo._cli import main\n"
        f"[main(['backends', name]) for name in {sorted(set(BACKENDS) & set(installed_backends()))!r}]\n"
        "print([each for each in ('openai', 'google.genai', 'elevenlabs', 'hibari', 'numpy') if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("key", "count"), [("", 1), ("key-of-the-test", 1)])
def test_login_instead_of_a_key_is_shown_once(monkeypatch, key, count):
    monkeypatch.setenv("GOOGLE_API_KEY", key)
    assert russo("backends", "google").out.count("application default credentials of Google Cloud") == count
