"""The output of pytest for a failing backend."""

import pytest

from support.projects import AWAIT_HELLO, SAY_HELLO_TWICE

FAILING = """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        class Failing(Speaker):
            async def synthesize(self, text):
                from russo import ServiceError
                try:
                    self.connect()
                except OSError as error:
                    raise ServiceError("HTTP 503", backend="speaker", prompt=text) from error

            def connect(self):
                raise OSError("deep in an SDK")

        return Failing()
"""


@pytest.mark.parametrize("way", ["plain", "async"])
def test_failing_backend_shows_the_tests_line_and_the_chain_of_messages(project, way):
    project.conftest(FAILING)
    project.tests(SAY_HELLO_TWICE if way == "plain" else AWAIT_HELLO.format(mark="@pytest.mark.asyncio"))
    lines = project.run().outlines
    shown = "\n".join(lines)
    assert "OSError: deep in an SDK" in lines
    assert "ServiceError: speaker could not speak 'Hello': HTTP 503" in shown
    assert any(line.startswith(">") and ("russo_say(" in line or "synthesize(" in line) for line in lines)
    assert "cached.py" not in shown
    assert "conftest.py" not in shown
    assert len(lines) < 40
    full = project.run("--full-trace").outlines
    assert any("cached.py" in line for line in full)
    assert any("self.connect()" in line for line in full)


def test_other_errors_have_the_usual_traceback_of_pytest(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            class Broken(Speaker):
                async def synthesize(self, text):
                    return self.no_such_name

            return Broken()
        """
    )
    project.tests(SAY_HELLO_TWICE)
    project.run().stdout.fnmatch_lines(["*return self.no_such_name*"])


def test_immutable_cause_is_shown_unchanged(project):
    project.conftest(
        """
        import dataclasses

        @dataclasses.dataclass(frozen=True)
        class Frozen(Exception):
            number: int

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            class Failing(Speaker):
                async def synthesize(self, text):
                    from russo import ServiceError
                    try:
                        self.connect()
                    except Frozen as error:
                        raise ServiceError("HTTP 503", backend="speaker", prompt=text) from error

                def connect(self):
                    raise Frozen(1)

            return Failing()
        """
    )
    project.tests(SAY_HELLO_TWICE)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["conftest.Frozen: 1", "E*ServiceError: speaker could not speak 'Hello': HTTP 503*"]
    )


def test_error_from_deep_below_the_test_is_an_ordinary_failure(project):
    project.tests(
        """
        from russo import RussoError

        def deep(number):
            if number:
                deep(number - 1)
            else:
                raise RussoError("from below")

        def test_it(russo_cache):
            deep(900)
        """
    )
    result = project.run("--tb=short")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RussoError: from below*"])


def test_errors_caught_in_the_test_keep_their_lines(project):
    project.tests(
        """
        from russo import RussoError

        def lookup():
            return {}["missing"]

        def test_it(russo_cache):
            try:
                lookup()
            except KeyError:
                raise RussoError("mine")
        """
    )
    assert '>       return {}["missing"]' in project.run().outlines


def test_failing_check_of_the_kit_shows_its_line(project):
    project.tests(
        """
        import pytest
        from russo import ServiceError
        from russo.testing import BackendContract

        class TestIt(BackendContract):
            backend = "local"

            @pytest.fixture
            def make_synthesizer(self):
                def make(**options):
                    raise ServiceError("made in vain", backend="local", prompt="")
                return make
        """
    )
    result = project.run("--russo-cache-dir=here", "-k", "test_cache_key_extra_is_json")
    result.stdout.fnmatch_lines(['*raise ServiceError("made in vain"*'])


# The ways in which a test gets audio; the report shows the same error in the same place for all.
WAYS = {
    "say": "def test_it(russo_say): russo_say('Hello')",
    "audio": "@pytest.mark.russo('Hello')\ndef test_it(russo_audio): pass",
    "audio of another fixture": (
        "@pytest.fixture\ndef speech(russo_audio): return russo_audio\n"
        "@pytest.mark.russo('Hello')\ndef test_it(speech): pass"
    ),
    "audio by name": "@pytest.mark.russo('Hello')\ndef test_it(request): request.getfixturevalue('russo_audio')",
    "audio of an async test": (
        "@pytest.mark.asyncio\n@pytest.mark.russo('Hello')\nasync def test_it(russo_audio): pass"
    ),
    "audio of unittest": (
        "import unittest\n@pytest.mark.usefixtures('russo_audio')\nclass TestIt(unittest.TestCase):\n"
        "    @pytest.mark.russo('Hello')\n    def test_it(self): pass"
    ),
    "synthesizer": (
        "@pytest.mark.asyncio\nasync def test_it(russo_synthesizer): await russo_synthesizer.synthesize('Hello')"
    ),
}
RAISES = """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        class Failing(Speaker):
            async def synthesize(self, text):
                from russo import QuotaExceededError
                raise QuotaExceededError("no money", backend="speaker", prompt=text)

        return Failing()
"""
# Each error, with the conftest.py and the options that cause it.
ERRORS = {
    "CacheMissError": (None, ["--russo-cache-mode=replay"]),
    "QuotaExceededError": (RAISES, []),
    "BudgetExceededError": (None, ["--russo-max-calls=0"]),
    "BackendNotFoundError": ("", []),
    "BackendConfigError": ("", ["--russo-synth=acme:broken", "--russo-synth-option=custom.speed=9"]),
}
BROKEN = """
    def broken(*, speed: int = 1):
        from russo import BackendConfigError
        raise BackendConfigError("speed is 9", name="acme")
"""


@pytest.fixture
def failing(project):
    """Return the project and a function that writes a test that fails with an error of russo."""
    project.pytester.makepyfile(acme=BROKEN)
    project.pytester.syspathinsert()

    def write(error, way, mark=""):
        conftest, options = ERRORS[error]
        if conftest is not None:
            project.conftest(conftest)
        test = WAYS[way]
        if mark:
            test = f"pytestmark = {mark}\n{test}"
        project.tests(f"import pytest, russo\n{test}")
        return options

    return project, write


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", ERRORS)
def test_every_way_to_get_audio_raises_the_same_class(failing, error, way):
    project, write = failing
    options = write(error, way, f"pytest.mark.xfail(raises=russo.{error}, strict=True)")
    project.run(*options).assert_outcomes(xfailed=1)
    write(error, way, "pytest.mark.xfail(raises=russo.TextRejectedError, strict=True)")
    counts = project.run(*options).parseoutcomes()
    assert counts.get("failed", 0) + counts.get("errors", 0) == 1


@pytest.mark.parametrize("style", ["auto", "long", "short", "native", "line"])
@pytest.mark.parametrize("way", [each for each in WAYS if "audio" in each])
@pytest.mark.parametrize("error", ["CacheMissError", "BackendNotFoundError"])
def test_failing_fixture_shows_the_message_without_internal_frames(failing, error, way, style):
    project, write = failing
    result = project.run(*write(error, way), f"--tb={style}")
    lines = result.outlines
    shown = "\n".join(lines)
    assert {
        "CacheMissError": "no cached audio for 'Hello'",
        "BackendNotFoundError": "choose one: --russo-synth=",
    }[error] in shown
    assert error in shown
    # The line of `--tb=line` starts with a location; with `getfixturevalue` that location is in pytest.
    for internal in (
        "cached.py",
        "in fixtures.py" if style == "line" else "fixtures.py",
        "runner.py",
        "_callers.py",
        'plugin.py", line',
    ):
        assert internal not in shown
    assert len(lines) < 35
    if style == "auto":
        full = "\n".join(project.run(*ERRORS[error][1], "--full-trace").outlines)
        assert "pytest_plugin.py" in full


def test_pytest_plugins_get_the_class_of_the_error(failing):
    project, write = failing
    options = write("CacheMissError", "audio")
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\ndef pytest_runtest_makereport(call):\n"
        + "    if call.excinfo: print('SEEN', call.when, call.excinfo.type.__name__)\n"
    )
    project.run(*options, "-s").stdout.fnmatch_lines(["*SEEN setup CacheMissError"])
