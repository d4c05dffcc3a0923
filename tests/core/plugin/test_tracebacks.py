"""What pytest shows of a failing backend."""

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


def test_other_errors_are_shown_as_pytest_shows_them(project):
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


def test_cause_that_refuses_to_be_changed_is_shown_as_it_is(project):
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


def test_errors_that_the_test_caught_itself_keep_their_lines(project):
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


def test_failing_check_of_the_conformance_kit_shows_its_line(project):
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
