"""What a run tells about its settings: pytest's header, and settings that have no effect."""

import pytest

from russo._plugin.setup import unread_variables
from support.projects import SAY_HELLO_TWICE, summary_lines


def lines_of(result):
    return [line for line in result.outlines if line.startswith("russo: ")]


def split(result):
    """Return russo's lines in pytest's header, and those after it."""
    after = [f"russo: {line}" for line in summary_lines(result)]
    lines = lines_of(result)
    return lines[: len(lines) - len(after)], after


@pytest.fixture
def local_project(project):
    """A project without a synthesizer of its own."""
    project.conftest("")
    project.tests("def test_it(russo_cache): pass")
    return project


# -- the line in pytest's header


def test_header_names_backend_voice_mode_and_directories(local_project):
    local_project.ini(
        """
        russo_synth = local
        russo_synth_options =
            local.speed = 1.3
        russo_recordings_dir = tests/recordings
        """
    )
    (local_project.path / "tests" / "recordings").mkdir(parents=True)
    header, _ = split(local_project.run("--russo-cache-mode=replay"))
    assert len(header) == 1
    start, end = "russo: backend local (voice heart, model hibari-tts ", ", speed 1.3), mode replay, "
    assert header[0].startswith(start)
    assert header[0].endswith(f"{end}cache .russo_cache, recordings tests/recordings")


def test_header_shows_directories_outside_the_rootdir_as_they_are(local_project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    header, _ = split(local_project.run(f"--russo-cache-dir={elsewhere}"))
    assert header == [f"russo: mode auto, cache {elsewhere}"]


def test_header_names_no_directory_in_mode_off(local_project):
    header, _ = split(local_project.run("--russo-no-cache", "--russo-synth=local"))
    assert header[0].startswith("russo: backend local (")
    assert header[0].endswith("), mode off")


def test_header_shows_a_variable_of_the_environment(local_project, monkeypatch):
    monkeypatch.setenv("RUSSO_CACHE_MODE", "replay")
    header, _ = split(local_project.run())
    assert header == ["russo: mode replay, cache .russo_cache"]


def test_factory_is_named_and_not_made(project):
    project.conftest("")
    project.pytester.makepyfile(acme="def make(*, voice): raise SystemExit('made')")
    project.pytester.syspathinsert()
    project.tests("def test_it(): pass")
    result = project.run("--russo-synth=acme:make", "--russo-synth-option=custom.voice=x")
    header, _ = split(result)
    assert header == ["russo: backend acme:make, mode auto, cache .russo_cache"]
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('{"voice": "a\\x1b[2J"}', r"(voice a\x1b[2J)"),
        ('{"voice": "a", "model": None, "api_key": "hidden"}', "(voice a)"),
        ('{"speed": 2}', "(speed 2)"),
        ("None", ""),
        ("1", ""),
        ('{"own": 1}', ""),
    ],
)
def test_fields_of_a_backend_are_foreign_text(project, monkeypatch, fields, expected):
    project.conftest("")
    project.tests("def test_it(): pass")
    site = project.path / "site"
    info = site / "odd-1.dist-info"
    info.mkdir(parents=True)
    (site / "odd.py").write_text(
        "class Odd:\n"
        "    def __init__(self, *, speed: int = 1, api_key: str = ''): pass\n"
        f"    cache_key_extra = {fields}\n"
        "    async def synthesize(self, text): ...\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[russo.synthesizers]\nodd = odd:Odd\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    options = ["--russo-synth-option=odd.speed=2", "--russo-synth-option=odd.api_key=hidden"]
    header, _ = split(project.run("--russo-synth=odd", *options, subprocess=True))
    assert header == [
        f"russo: backend odd{f' {expected}' if expected else ''}, mode auto, cache .russo_cache"
    ]


def test_summary_has_the_line_if_the_header_had_none(local_project):
    local_project.tests("def test_it(russo_say): russo_say('Hello')")
    local_project.run("--russo-synth=local", subprocess=True).assert_outcomes(passed=1)
    header, summary = split(local_project.run("--russo-synth=local"))
    assert len(header) == len(summary) == 1
    plain = local_project.run("--no-header", "--russo-synth=local")
    assert lines_of(plain)[1] == header[0]
    assert len(lines_of(local_project.run("-q", "--russo-synth=local"))) == 1


def test_run_without_settings_has_the_line_in_the_summary(project):
    project.tests(SAY_HELLO_TWICE)
    header, summary = split(project.run())
    assert header == []
    assert summary[1] == "russo: mode auto, cache .russo_cache"
    assert len(lines_of(project.run("-q"))) == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--collect-only", "-q"]])
def test_runs_that_run_no_test_show_no_line(local_project, arguments):
    local_project.ini("russo_synth = local")
    result = local_project.run(*arguments)
    assert result.ret == 0
    assert [line for line in lines_of(result) if "backend" in line or "mode" in line] == []


def test_header_of_a_distributed_run_is_shown_once(local_project):
    local_project.ini("russo_synth = local")
    result = local_project.run("-n", "2")
    result.assert_outcomes(passed=1)
    assert len(lines_of(result)) == 1


# -- settings that have no effect


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--russo-synth-option=locl.speed=2"],
            "no backend is named 'locl'; did you mean 'local'? (--russo-*)",
        ),
        (
            ["-o", "russo_synth_options=locl.speed=2"],
            "no backend is named 'locl'; did you mean 'local'? (ini-file, russo_synth_options)",
        ),
        (["--russo-synth-option=zzz.speed=2"], "no backend is named 'zzz'; installed: *local* (--russo-*)"),
        (
            ["--russo-synth=locl", "--russo-synth-option=locl.speed=2"],
            "no backend is named 'locl'; installed: * did you mean 'local'? (command line)",
        ),
    ],
)
def test_misspelt_backend_is_refused_before_any_test_runs(local_project, arguments, message):
    result = local_project.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_settings_without_effect_are_in_the_summary(local_project, monkeypatch, workers):
    monkeypatch.setenv("RUSSO_MODE", "hidden value")
    local_project.ini("russo_recordings_dir = tests/recordings\nrusso_synth_options = zzz.a=1")
    local_project.tests("def test_it(russo_say): russo_say('Hello')")
    options = ["--russo-synth=local", "--russo-synth-option=google.voice=Kore"]
    result = local_project.run(*workers, *options, subprocess=True)
    _, summary = split(result)
    assert summary[1:] == [
        "russo: the variable RUSSO_MODE is not read; did you mean RUSSO_CACHE_MODE?",
        "russo: the recordings directory tests/recordings does not exist (ini-file, russo_recordings_dir)",
        "russo: --russo-synth-option=google.… had no effect: the chosen backend is 'local'",
        "russo: options of 'zzz' had no effect: no backend of this name is installed "
        "(ini-file, russo_synth_options)",
    ]
    result.stdout.no_fnmatch_line("*hidden value*")
    assert len(lines_of(local_project.run("-q", *workers, *options))) == 1


RECORDINGS = "the recordings directory {} does not exist ({})"


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["--russo-recordings-dir=gone"], {}, [RECORDINGS.format("gone", "command line")]),
        (
            [],
            {"RUSSO_RECORDINGS_DIR": "gone"},
            [RECORDINGS.format("gone", "environment variable RUSSO_RECORDINGS_DIR")],
        ),
        (
            ["-o", "russo_recordings_dir=gone"],
            {},
            [RECORDINGS.format("gone", "ini-file, russo_recordings_dir")],
        ),
        (
            ["--russo-recordings-dir=test_it.py/gone"],
            {},
            [RECORDINGS.format("test_it.py/gone", "command line")],
        ),
        (["--russo-recordings-dir=gone", "--russo-no-cache"], {}, []),
        (["--russo-recordings-dir=here"], {}, []),
        (["--russo-recordings-dir=gone", "--russo-cache-dir=gone"], {}, []),
        (["--russo-recordings-dir=gone", "--russo-cache-dir=here/../gone"], {}, []),
    ],
)
def test_recordings_directory_that_does_not_exist_is_named(
    local_project, monkeypatch, arguments, variables, expected
):
    (local_project.path / "here").mkdir()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    local_project.tests(
        """
        def test_it(pytestconfig):
            from russo._plugin.pytest_plugin import session_of
            print("NOTICES", session_of(pytestconfig).notices)
        """
    )
    local_project.run("-s", *arguments).stdout.fnmatch_lines(
        [f"*NOTICES {str(expected).replace('[', '[[]')}"]
    )


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("RUSSO_MODE", "did you mean RUSSO_CACHE_MODE?"),
        ("RUSSO_RECORDINGS", "did you mean RUSSO_RECORDINGS_DIR?"),
        ("RUSSO_SYNT", "did you mean RUSSO_SYNTH?"),
        ("RUSSO_CHACHE_DIR", "did you mean RUSSO_CACHE_DIR?"),
        ("RUSSO_AGNET", "did you mean RUSSO_AGENT?"),
        ("RUSSO_NO_CACHE", "use --russo-no-cache"),
        ("RUSSO_MAX_CALLS", "use --russo-max-calls"),
        ("RUSSO_REPORT", "use --russo-report"),
        ("RUSSO_SPEAK_AHEAD", "use the ini setting russo_speak_ahead"),
        ("RUSSO_SYNTH_OPTIONS", "use --russo-synth-option or the ini setting russo_synth_options"),
    ],
)
def test_variable_that_is_not_read_is_named_without_its_value(variable, sentence):
    assert list(unread_variables({variable: "hidden"}, ["synth", "agent"])) == [
        f"the variable {variable} is not read; {sentence}"
    ]


@pytest.mark.parametrize(
    "variable",
    [
        *("RUSSO_SYNTH", "RUSSO_CACHE_MODE", "RUSSO_CACHE_DIR", "RUSSO_RECORDINGS_DIR"),  # read
        *("RUSSO_REMOTE", "RUSSO_REMOTE_WRITE"),
        "RUSSO_AGENT",  # a companion reads it
        *("RUSSO_CACHE", "RUSSO_DIR"),  # two variables have this word
        *("RUSSO_SYNTHABC", "RUSSO_SYMBOL"),  # three letters off a variable that is read
        *("RUSSO_TOKEN", "RUSSO_TORTURE_SEED", "RUSSO_", "russo_mode", "XRUSSO_MODE"),  # the user's own
    ],
)
def test_other_variables_are_the_users_own(variable):
    assert list(unread_variables({variable: "hidden"}, ["synth", "agent"])) == []


def test_empty_variable_is_not_named():
    assert list(unread_variables({"RUSSO_MODE": ""}, [])) == []


def test_every_variable_of_the_project_is_known_as_read_or_as_unrelated():
    torture = ["RUSSO_TORTURE", "RUSSO_TORTURE_BREAK", "RUSSO_TORTURE_SEED"]
    assert list(unread_variables(dict.fromkeys(torture, "1"), [])) == []


def test_run_that_does_not_use_russo_names_no_variable(project, monkeypatch):
    monkeypatch.setenv("RUSSO_MODE", "replay")
    project.tests("def test_it(): pass")
    assert lines_of(project.run()) == []
