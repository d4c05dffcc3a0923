"""``russo doctor``: settings, their sources, and the chosen backend."""

import json

import pytest

from support.command import russo, start

ADDOPTS = "-p no:hypothesispytest"


@pytest.fixture
def ini(folder):
    """Write the lines of the ini-file."""

    def write(*lines):
        (folder / "pytest.ini").write_text("\n".join(["[pytest]", *lines, ""]))

    return write


def examine(**environment):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        done = russo("doctor", "--json")
    assert done.err == ""
    assert done.code == bool(done.json["problems"])
    return done.json


def settings(**environment):
    values = examine(**environment)["settings"]["values"]
    return {each["name"]: (each["value"], each["source"]) for each in values}


def problems(**environment):
    return [each["problem"] for each in examine(**environment)["problems"]]


def test_each_setting_has_a_default():
    assert settings() == {
        "synth": (None, "default"),
        "cache_mode": ("auto", "default"),
        "cache_dir": (".russo_cache", "default"),
        "recordings_dir": (None, "default"),
        "remote": (None, "default"),
        "remote_write": ("no", "default"),
        "speak_ahead": ("0", "default"),
    }


def test_each_source_is_named(folder, ini):
    ini(
        "russo_synth = local",
        "russo_cache_mode = off",
        "russo_speak_ahead = 2",
        "russo_recordings_dir = kept",
        "russo_remote = s3://team/voice",
    )
    path = folder / "pytest.ini"
    options = f"{ADDOPTS} --russo-cache-dir=of-variable --russo-remote-write"
    found = settings(RUSSO_CACHE_MODE="replay", PYTEST_ADDOPTS=options)
    assert found == {
        "synth": ("local", f"russo_synth in {path}"),
        "cache_mode": ("replay", "environment variable RUSSO_CACHE_MODE"),
        "cache_dir": ("of-variable", "PYTEST_ADDOPTS"),
        "recordings_dir": ("kept", f"russo_recordings_dir in {path}"),
        "remote": ("s3://team/voice", f"russo_remote in {path}"),
        "remote_write": ("yes", "PYTEST_ADDOPTS"),
        "speak_ahead": ("2", f"russo_speak_ahead in {path}"),
    }
    ini("addopts = --russo-cache-dir=of-ini --russo-max-calls=0 --russo-no-cache -o russo_synth=google")
    found = settings(PYTEST_ADDOPTS=f"{ADDOPTS} -o russo_cache_mode=off --russo-report=page.html")
    assert found["cache_dir"] == ("of-ini", f"addopts in {path}")
    assert found["max_calls"] == ("0", f"addopts in {path}")
    assert found["no_cache"] == ("yes", f"addopts in {path}")
    assert found["synth"] == ("google", "-o russo_synth in addopts")
    assert found["cache_mode"] == ("off", "-o russo_cache_mode in PYTEST_ADDOPTS")
    assert found["report"] == ("page.html", "PYTEST_ADDOPTS")
    assert "clear_cache" not in found


def test_options_of_backends_have_their_own_sources(folder, ini):
    path = folder / "pytest.ini"
    ini(
        "addopts = --russo-synth-option=local.seed=3 --russo-synth-option=custom.x=1",
        "russo_synth_options =",
        "  local.speed=1.5",
        "  local.seed=2",
        "  local.voice=kore",
        "  openai.base_url=https://user:word@host.example/v1",
    )
    found = settings(PYTEST_ADDOPTS=f"{ADDOPTS} --russo-synth-option=local.voice=emma")
    assert found["local.speed"] == ("1.5", f"russo_synth_options in {path}")
    assert found["local.seed"] == ("3", f"addopts in {path}")
    assert found["custom.x"] == ("(hidden: backend custom is not imported)", f"addopts in {path}")
    assert found["local.voice"] == ("emma", "PYTEST_ADDOPTS")
    assert found["openai.base_url"][0] == "https://host.example/v1"


@pytest.mark.parametrize(
    "option",
    [
        "openai.api_kye=skSECRET",  # a misspelt name
        "openai.speed=skSECRET",  # the value of another option
        "openai.api_key=skSECRET",
        "openai.base_url=https://user:skSECRET@host.example/v1",
        "google.vertexai=skSECRET",
        "opnai.voice=skSECRET",
        "custom.voice=skSECRET",
        "speed=skSECRET",  # without the name of a backend
        "openai speed=skSECRET",
        "api_kye=skSECRET",
    ],
)
@pytest.mark.parametrize("place", ["PYTEST_ADDOPTS", "ini-file"])
def test_value_that_may_be_a_credential_is_hidden(ini, place, option):
    ini("russo_synth = openai", f"russo_synth_options = {option}" if place == "ini-file" else "")
    addopts = f"{ADDOPTS} '--russo-synth-option={option}'" if place == "PYTEST_ADDOPTS" else ADDOPTS
    found = examine(PYTEST_ADDOPTS=addopts, OPENAI_API_KEY="set")
    assert "skSECRET" not in json.dumps(found)
    name = option.partition("=")[0]
    assert name.split()[-1] in json.dumps(found)  # it is examined


def test_reason_of_a_hidden_value_is_shown(ini):
    ini("russo_synth_options =", "  openai.sped=1", "  openai.speed=fast", "  opnai.speed=1")
    found = settings()
    assert found["openai.sped"][0] == "(hidden: backend openai does not declare this option)"
    assert found["openai.speed"][0] == "(hidden: not a value of this option)"
    assert found["opnai.speed"][0] == "(hidden: backend opnai is not imported)"


def test_valid_values_stay_in_messages(ini):
    ini("russo_synth = local", "russo_synth_options = local.voice=anna")
    [found] = problems()
    assert "voice is 'anna'" in found


def test_ini_file_is_found_as_pytest_finds_it(folder, monkeypatch):
    (folder / "pytest.ini").unlink()
    (folder / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nrusso_synth = "local"\nrusso_snyth = "x"\n'
    )
    inner = folder / "tests"
    inner.mkdir()
    monkeypatch.chdir(inner)
    found = examine()
    assert found["settings"]["rootdir"] == str(folder)
    assert found["settings"]["values"][0]["source"] == f"russo_synth in {folder / 'pyproject.toml'}"
    assert [each["problem"] for each in found["problems"]] == [
        "the ini setting russo_snyth is not read; did you mean russo_synth?"
    ]


def test_misspelt_names_are_problems_and_others_are_named(ini):
    ini(
        "russo_synth = local",
        "russo_cachemode = off",
        "russo_synth_option = a.b=c",
        "russo_agent = x",
        "other = 1",
    )
    found = examine(RUSSO_CACHE_DRI="x", RUSSO_MAX_CALLS="3", RUSSO_AGENT="x", RUSSO_EMPTY="")
    assert [each["problem"] for each in found["problems"]] == [
        "the variable RUSSO_CACHE_DRI is not read; did you mean RUSSO_CACHE_DIR?",
        "the variable RUSSO_MAX_CALLS is not read; use --russo-max-calls",
        "the ini setting russo_cachemode is not read; did you mean russo_cache_mode?",
        "the ini setting russo_synth_option is not read; use --russo-synth-option or the ini setting "
        "russo_synth_options",
    ]
    assert found["settings"]["unknown"] == ["RUSSO_AGENT", "russo_agent"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("russo_cache_mode = sometimes", "no cache mode is named 'sometimes'"),
        ("russo_synth_options = speed=1", "does not have the form NAME.OPTION=VALUE"),
        ("russo_cache_dir = pytest.ini", "is a file; russo needs a directory there"),
        ("addopts = --russo-cache-mode=off --russo-cache-dir=pytest.ini", "(addopts or PYTEST_ADDOPTS)"),
        ("addopts = --russo-record-only --russo-cache-mode=replay", "disagree: nothing would be recorded"),
    ],
)
def test_setting_that_pytest_refuses_is_a_problem(ini, line, problem):
    ini("russo_synth = local", line)
    found = examine()
    assert problem in found["problems"][0]["problem"]
    assert found["directories"] == []
    assert found["backends"]["chosen"] is None
    assert found["backends"]["installed"]


@pytest.mark.parametrize("content", ["[pytest\n", "[pytest]\nrusso_speak_ahead = many\n"])
def test_unreadable_configuration_is_a_problem(folder, content):
    (folder / "pytest.ini").write_text(content)
    found = examine()
    assert "pytest's configuration cannot be used: " in found["problems"][0]["problem"]
    assert found["versions"]["distributions"]
    assert found["settings"] is None
    assert russo("doctor").code == 1


def test_broken_variable_of_pytest_is_a_problem():
    assert "No closing quotation" in problems(PYTEST_ADDOPTS="'")[0]


# -- the backend


def test_several_backends_without_a_choice_are_a_problem(folder):
    [found] = problems()
    assert found.startswith("several backends are installed; choose one: --russo-synth={")
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text("def russo_synthesizer(): raise SystemExit(7)\n")
    assert problems() == []
    (folder / "tests" / "conftest.py").write_bytes(b"\xff\xfe")
    assert len(problems()) == 1


def test_missing_key_is_a_problem_unless_the_mode_is_replay(ini):
    ini("russo_synth = openai")
    assert problems() == ["backend openai: key missing; only stored audio can be replayed"]
    assert examine()["problems"][0]["advice"] == "set OPENAI_API_KEY"
    assert problems(OPENAI_API_KEY="key-of-the-test") == []
    assert problems(RUSSO_CACHE_MODE="replay") == []
    assert problems(RUSSO_CACHE_MODE="off") == ["backend openai: key missing; every prompt needs it"]
    ini("russo_synth = google", "russo_synth_options = google.vertexai=yes")
    assert problems() == []


def test_keys_are_named_with_their_state():
    out, _ = start("doctor", env={"GEMINI_API_KEY": "key-of-the-test"}).communicate(timeout=60)
    assert "  google: ready; key: GOOGLE_API_KEY not set, GEMINI_API_KEY set" in out.decode().splitlines()
    assert "key-of-the-test" not in out.decode()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["russo_synth = local", "russo_synth_options = local.sped=1"], "has no option 'sped'"),
        (["russo_synth = local", "russo_synth_options = local.speed=9"], "speed is 9.0; it must be from 0.5"),
        (["russo_synth = local", "russo_synth_options = locl.speed=1"], "no backend is named 'locl'"),
    ],
)
def test_backend_that_a_run_would_refuse_is_a_problem(ini, lines, problem):
    ini(*lines)
    [found] = problems()
    assert problem in found


def test_advice_for_an_unknown_backend_can_be_followed():
    found = examine(RUSSO_SYNTH="opnai")
    [problem] = found["problems"]
    assert "no backend is named 'opnai'" in problem["problem"]
    assert problem["advice"] == "correct the name; russo backends lists the installed ones"
    assert "russo backends opnai" not in json.dumps(found)


def test_code_of_the_folder_is_not_run(folder, ini):
    source = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\n"
    for name in ("conftest.py", "mine.py"):
        (folder / name).write_text(source)
    ini("russo_synth = mine:Voice", "pythonpath = .")
    found = examine()
    assert found["backends"]["chosen"] == "mine:Voice"
    assert found["problems"] == []
    assert list(folder.glob("*.ran")) == []
    assert "  mine:Voice is not imported; russo backends mine:Voice imports" in russo("doctor").out


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("raise ValueError('half installed')", "backend acme: broken; "),
        ("raise SystemExit(3)", "backend acme: broken; "),
        (
            "class Voice:\n    def __init__(self): raise OSError('no disk')",
            "cannot be made: OSError: no disk",
        ),
        ("class Voice:\n    def __init__(self): raise SystemExit(3)", "cannot be made: SystemExit: 3"),
    ],
)
def test_backend_that_cannot_be_made_is_a_problem(tmp_path, monkeypatch, source, problem):
    info = tmp_path / "site" / "acme-1.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "acme_voice.py").write_text(source)
    (info / "METADATA").write_text("Name: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[russo.synthesizers]\nacme = acme_voice:Voice\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    process = start("doctor", "--json", env={"RUSSO_SYNTH": "acme"})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")
    [found] = json.loads(out)["problems"]
    assert problem in found["problem"]


def test_endpoint_that_a_run_would_refuse_is_a_problem():
    found = problems(
        RUSSO_SYNTH="openai-speech", OPENAI_API_KEY="key", OPENAI_BASE_URL="https://mine.example/v1"
    )
    assert found == [
        "backend openai-speech: the server https://mine.example/v1 is not OpenAI, so the option model must be set"
    ]
    found = problems(
        RUSSO_SYNTH="openai", OPENAI_API_KEY="key", OPENAI_BASE_URL="https://me:secret@mine.example"
    )
    assert found == [
        "backend openai: OPENAI_BASE_URL contains a user, a query or a fragment; use only scheme, host, "
        "port and path"
    ]


def test_option_that_is_repeated_is_shown_with_each_value(folder, ini):
    ini("addopts = --russo-report=page.html --russo-report=report.json")
    found = examine(PYTEST_ADDOPTS=f"{ADDOPTS} --russo-report=other.json")["settings"]["values"]
    assert [(each["value"], each["source"]) for each in found if each["name"] == "report"] == [
        ("page.html", f"addopts in {folder / 'pytest.ini'}"),
        ("report.json", f"addopts in {folder / 'pytest.ini'}"),
        ("other.json", "PYTEST_ADDOPTS"),
    ]


# -- what pytest refuses


@pytest.mark.parametrize(
    ("addopts", "problem"),
    [
        ("--russo-cach-dir=x", "pytest has no option --russo-cach-dir; did you mean --russo-cache-dir?"),
        ("--russo-max-cals 3", "pytest has no option --russo-max-cals; did you mean --russo-max-calls?"),
        ("--russo-max-calls=-2", "--russo-max-calls=-2: the limit must be 0 or more"),
        ("-p nosuchplugin", "pytest cannot import the plugin nosuchplugin, which the option -p names"),
    ],
)
@pytest.mark.parametrize("place", ["PYTEST_ADDOPTS", "ini-file"])
def test_option_that_pytest_refuses_is_a_problem(ini, place, addopts, problem):
    ini("russo_synth = local", f"addopts = {addopts}" if place == "ini-file" else "")
    variables = {"PYTEST_ADDOPTS": f"{ADDOPTS} {addopts}"} if place == "PYTEST_ADDOPTS" else {}
    assert problems(**variables) == [problem]


def test_options_and_plugins_that_pytest_has_are_no_problem(folder, ini):
    for name in ("tools/in_tools.py", "in_root.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    ini(
        "russo_synth = local",
        "pythonpath = tools",
        "addopts = --cov=russo --russo-agent=x -p pytester -p russo -p no:cacheprovider -p in_tools -p in_root",
    )
    assert problems() == []
    assert "  --russo-agent: not an option of russo-core" in russo("doctor").out.splitlines()


@pytest.mark.parametrize(
    "source", ["print('IMPORTED')", "class Voice:\n    def __init__(self): print('MADE')"]
)
def test_backend_that_prints_does_not_damage_json(tmp_path, monkeypatch, source):
    info = tmp_path / "site" / "acme-1.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "acme_voice.py").write_text(f"{source}\n")
    (info / "METADATA").write_text("Name: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[russo.synthesizers]\nacme = acme_voice:Voice\n[pytest11]\ngone = no_such_module.plugin\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    for arguments in (("doctor",), ("backends",), ("backends", "acme")):
        out, err = start(*arguments, "--json", env={"RUSSO_SYNTH": "acme"}).communicate(timeout=60)
        found = json.loads(out)
        assert b"IMPORTED" in err or b"MADE" in err or "MADE" in source
        if arguments == ("doctor",):
            assert (
                "pytest cannot import the plugin gone of acme: the module no_such_module.plugin does not exist"
            ) in [each["problem"] for each in found["problems"]]
