"""The settings of the plugin: their sources, their precedence, and what is refused before any test runs."""

import pytest

SHOW = """
    def test_it(russo_agent, russo_call):
        print(f"<{russo_agent.opens} {russo_call.record.pace}>")
"""
NAMES = """
    def test_it(russo_agent):
        print(f"<{type(russo_agent).__name__} {russo_agent.opens}>")
"""


@pytest.fixture
def chosen(agent_project, tmp_path, monkeypatch):
    """A project that overrides no fixture, with an installed agent named shop."""
    site = tmp_path / "site"
    site.mkdir()
    for name, entry in (("acme", "shop = shop:Shop"), ("zoo", "zoo = shop:Line")):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[russo.agents]\n{entry}\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    agent_project.agent("")
    agent_project.tests(NAMES)
    agent_project.site = site
    return agent_project


def run(project, *arguments):
    return project.run("-s", *arguments, subprocess=True)


def printed(result):
    return [line.partition("<")[2].partition(">")[0] for line in result.outlines if "<" in line]


@pytest.mark.parametrize(
    ("line", "sources", "opens"),
    [
        (["--russo-agent=shop"], ("nothing", "nothing"), 8),
        ([], ("shop", "nothing"), 8),
        ([], ("", "shop"), 8),
        (["--russo-agent=shop:Shop", "--russo-agent-option=custom.opens=9"], ("zoo", "zoo"), 9),
        (["--russo-agent-option=shop.opens=7"], ("", "shop\nrusso_agent_options =\n    shop.opens=6"), 7),
        ([], ("", "shop\nrusso_agent_options =\n    shop.opens=6\n    other.opens=5"), 6),
    ],
)
def test_agent_is_chosen_by_russos_precedence(chosen, monkeypatch, line, sources, opens):
    environment, ini = sources
    monkeypatch.setenv("RUSSO_AGENT", environment)
    chosen.ini(f"russo_agent = {ini}")
    result = run(chosen, *line)
    result.assert_outcomes(passed=1)
    assert printed(result) == [f"Shop {opens}"]


def test_only_installed_agent_is_used(chosen):
    (chosen.site / "zoo-1.0.dist-info" / "entry_points.txt").unlink()
    result = run(chosen)
    result.assert_outcomes(passed=1)
    assert printed(result) == ["Shop 8"]


def test_several_installed_agents_are_an_error_that_lists_them(chosen):
    result = run(chosen)
    result.assert_outcomes(errors=1)
    assert (
        "several agents are installed; choose one: --russo-agent={shop,zoo}, or override the fixture "
        "russo_agent in conftest.py" in result.outlines
    )


def test_no_agent_is_an_error_that_says_what_to_do(agent_project):
    agent_project.agent("")
    result = agent_project.run()
    result.assert_outcomes(errors=1)
    assert (
        "no agent: override the fixture russo_agent in conftest.py, or set "
        "--russo-agent=package.module:factory; no agent is installed" in result.outlines
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--russo-agent=shpo"],
            "no agent is named 'shpo'; installed: shop, zoo; did you mean 'shop'? (command line)",
        ),
        (
            ["--russo-agent=shop", "--russo-agent-option=shop.open=9"],
            "agent 'shop' has no option 'open' (did you mean 'opens'?); its options are: opens (command line)",
        ),
        (
            ["--russo-agent=shop", "--russo-agent-option=shop.opens=early"],
            "agent 'shop', option opens='early': must be an integer, not 'early' (command line)",
        ),
        (
            ["--russo-agent=shop", "--russo-agent-option=shpo.opens=9"],
            "--russo-agent-option=shpo.…: no agent is named 'shpo'; did you mean 'shop'?",
        ),
        (
            ["--russo-agent=shop", "--russo-agent-option=custom.opens=9"],
            "--russo-agent-option=custom.…: the options of custom belong to "
            "--russo-agent=package.module:factory, which is not set",
        ),
        (
            ["--russo-agent-option=opens"],
            "agent option 'opens' does not have the form NAME.OPTION=VALUE",
        ),
        (["--russo-agent-option==x"], "an agent option does not have the form NAME.OPTION=VALUE"),
        (
            ["--russo-agent=shop:Nothing"],
            "agent 'shop:Nothing' cannot be loaded: module 'shop' has no attribute 'Nothing' (command line)",
        ),
        (["--russo-pace=fast"], "--russo-pace=fast: it must be a number, 0 or more (command line)"),
        (["--russo-pace=-1"], "--russo-pace=-1: it must be a number, 0 or more (command line)"),
        (["--russo-pace=nan"], "--russo-pace=nan: it must be a number, 0 or more (command line)"),
        (["--russo-pace=inf"], "--russo-pace=inf: it must be a number, 0 or more (command line)"),
        (["--russo-pace=1\x1b"], "--russo-pace=1\\x1b: it must be a number, 0 or more (command line)"),
        (
            ["--russo-agent-timeout=0"],
            "--russo-agent-timeout=0: it must be a number, more than 0 (command line)",
        ),
        (
            ["--russo-agent-timeout=soon"],
            "--russo-agent-timeout=soon: it must be a number, more than 0 (command line)",
        ),
        (
            ["--russo-keep-calls=fail"],
            "--russo-keep-calls=fail: it must be failed, all or none; did you mean failed? (command line)",
        ),
    ],
)
def test_wrong_setting_is_a_usage_error(chosen, arguments, message):
    result = run(chosen, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {message}" in result.errlines


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("RUSSO_AGENT", "shpo", "did you mean 'shop'? (environment variable RUSSO_AGENT)"),
        (
            "RUSSO_PACE",
            "x",
            "--russo-pace=x: it must be a number, 0 or more (environment variable RUSSO_PACE)",
        ),
        (
            "RUSSO_AGENT_TIMEOUT",
            "-1",
            "--russo-agent-timeout=-1: it must be a number, more than 0 (environment variable RUSSO_AGENT_TIMEOUT)",
        ),
        ("RUSSO_KEEP_CALLS", "x", "it must be failed, all or none (environment variable RUSSO_KEEP_CALLS)"),
    ],
)
def test_wrong_variable_is_a_usage_error(chosen, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    result = run(chosen)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any(line.endswith(message) for line in result.errlines)


def test_agent_that_cannot_be_made_is_an_error_of_the_test(chosen):
    (chosen.path / "broken.py").write_text("def make():\n    raise RuntimeError('no agent today')\n")
    result = run(chosen, "--russo-agent=broken:make")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["agent 'broken:make' cannot be made: RuntimeError: no agent today"])


def test_object_that_is_not_an_agent_is_an_error_of_the_test(chosen):
    result = run(
        chosen,
        "--russo-agent=zoo",
        "--russo-agent-option=zoo.playout=x",
        "--russo-agent-option=zoo.answers=y",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["agent 'zoo' cannot be used: it made <shop.Line*>, which has no method connect(playout)"]
    )


@pytest.mark.parametrize(
    ("line", "sources", "pace"),
    [
        (["--russo-pace=0"], ("1", "1"), 0.0),
        ([], ("0", "1"), 0.0),
        ([], ("", "0.0"), 0.0),
        ([], ("", "1"), 1.0),
    ],
)
def test_pace_is_chosen_by_russos_precedence(agent_project, monkeypatch, line, sources, pace):
    environment, ini = sources
    monkeypatch.setenv("RUSSO_PACE", environment)
    agent_project.pytester.makeini(
        f"[pytest]\nasyncio_default_fixture_loop_scope = function\nrusso_pace = {ini}\n"
    )
    agent_project.tests(SHOW)
    result = agent_project.run("-s", *line)
    result.assert_outcomes(passed=1)
    assert printed(result) == [f"8 {pace}"]


@pytest.mark.parametrize("value", ["0", "'0'"])
def test_pace_of_native_toml_needs_its_type(agent_project, value):
    (agent_project.path / "tox.ini").unlink()
    (agent_project.path / "pytest.toml").write_text(f"[pytest]\nrusso_pace = {value}\n")
    result = agent_project.run("-p", "no:asyncio")
    if value == "0":
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert any("russo_pace" in line for line in result.errlines)
    else:
        result.assert_outcomes(passed=1)


def test_timeout_limits_the_silence_of_an_agent(agent_project):
    agent_project.tests(
        """
        import pytest
        from russo_agents import AgentSilentError

        def test_it(russo_call):
            with pytest.raises(AgentSilentError, match="for 0.2 s"):
                russo_call.hear()
        """
    )
    agent_project.run("--russo-agent-timeout=0.2").assert_outcomes(passed=1)


def test_marker_runs_one_test_in_real_time(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.mark.russo_real_time
        def test_real(russo_call):
            assert russo_call.record.pace == 1

        def test_fast(russo_call):
            assert russo_call.record.pace == 0

        @pytest.mark.russo_real_time
        @pytest.mark.asyncio
        async def test_async(russo_async_call):
            async with russo_async_call() as call:
                assert call.record.pace == 1
        """
    )
    agent_project.run("--strict-markers").assert_outcomes(passed=3)


@pytest.mark.parametrize(("fixture", "outcome"), [("", "failed"), ("russo_call", "errors")])
@pytest.mark.parametrize(
    ("arguments", "shown"), [("1.0", "1.0"), ("pace=1", "pace=1"), ("'\\x1b'", "'\\\\x1b'"), ("", None)]
)
def test_marker_takes_no_argument(agent_project, arguments, shown, fixture, outcome):
    agent_project.tests(
        f"""
        import pytest

        @pytest.mark.russo_real_time({arguments})
        def test_it({fixture}):
            pass
        """
    )
    result = agent_project.run()
    if shown is None:
        result.assert_outcomes(passed=1)
    else:
        result.assert_outcomes(**{outcome: 1})
        line = "@pytest.mark.russo_real_time takes no argument; it was given ("
        assert any(each.startswith(line) for each in result.outlines)


def test_header_names_the_agent_and_the_pace(chosen):
    assert "russo: pace 0" in run(chosen).outlines
    lines = run(chosen, "--russo-agent=shop", "--russo-agent-timeout=5", "--russo-keep-calls=All").outlines
    assert "russo: agent shop, pace 0, agent timeout 5 s, keep calls all" in lines


def test_run_without_a_setting_has_no_header(agent_project):
    agent_project.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    agent_project.tests("def test_it(): pass")
    assert not any(line.startswith("russo:") for line in agent_project.run().outlines)


def test_help_shows_the_settings(agent_project):
    output = agent_project.run("--help").stdout.str()
    for name in ("--russo-agent=NAME", "--russo-pace=PACE", "russo_agent_options", "russo_keep_calls"):
        assert name in output
