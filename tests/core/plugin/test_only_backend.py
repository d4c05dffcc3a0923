"""A run that chooses no backend uses the only installed one: its name, its voice and its options."""

import pytest

from support.projects import summary_lines

ONLY_ACME = """
    from importlib.metadata import EntryPoint
    from russo._backends import entry_points

    installed_in, group = entry_points.installed_in, "russo.synthesizers"
    only = {{"acme": (EntryPoint("acme", "acme:{factory}", group),)}}
    entry_points.installed_in = lambda name: only if name == group else installed_in(name)
"""
ACME = """
    from russo import Audio, BackendConfigError

    class Acme:
        def __init__(self, *, voice: str = "ann"):
            if voice == "nobody":
                raise BackendConfigError("acme has no voice 'nobody'")
            self.cache_key_extra = {"backend": "acme", "voice": voice}

        async def synthesize(self, text):
            return Audio(text.encode() * 100, "pcm", 8000, 1, 1)

    class Broken:
        def __init__(self):
            raise OSError("no model")

    class Refuses:
        def __init__(self):
            raise BackendConfigError("no licence")

    class Exits:
        def __init__(self):
            raise SystemExit("no licence")
"""
BACKEND = "backend acme (voice ann)"
DEFAULTS = "mode auto, cache .russo_cache"
REPLACES = "the fixture russo_synthesizer of {} replaces the backend 'acme', the only one installed"
OWN_FIXTURE = """
    @pytest.fixture
    def russo_synthesizer(): return Speaker()
"""


@pytest.fixture
def acme(project):
    """A project in which only ``acme`` is installed. It runs in another process, which it changes."""
    project.conftest(ONLY_ACME.format(factory="Acme"))
    project.pytester.makepyfile(acme=ACME)
    project.tests("def test_it(russo_say): russo_say('Hello')")
    return project


def run(project, *arguments):
    """Return the result of a run, and russo's line in pytest's header, or ``None``."""
    result = project.run("-p", "no:randomly", *arguments, subprocess=True)
    lines = [line.removeprefix("russo: ") for line in result.outlines if line.startswith("russo: ")]
    return result, lines[0] if len(lines) > len(summary_lines(result)) else None


def test_header_names_it_with_its_voice(acme):
    result, header = run(acme, "--russo-cache-mode=auto")
    result.assert_outcomes(passed=1)
    assert header == f"{BACKEND}, {DEFAULTS}"
    assert summary_lines(result) == ["0 hits, 1 backend call to acme (5 characters)"]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_summary_names_it_if_there_is_no_header(acme, workers):
    for _ in ("miss", "hit"):
        result, header = run(acme, *workers)
        result.assert_outcomes(passed=1)
        assert (header, summary_lines(result)[1:]) == (None, [f"{BACKEND}, {DEFAULTS}"])


@pytest.mark.parametrize("factory", ["Broken", "Refuses", "Exits", "Missing"])
def test_backend_that_cannot_be_made_is_named_and_fails_only_its_tests(acme, factory):
    acme.conftest(ONLY_ACME.format(factory=factory))
    acme.tests("def test_other(): pass\ndef test_it(russo_say): russo_say('Hello')")
    result, header = run(acme, "--russo-cache-mode=auto")
    result.assert_outcomes(passed=1, errors=1)
    assert header == f"backend acme, {DEFAULTS}"


@pytest.mark.parametrize(
    ("option", "message"),
    [("acme.voice=nobody", "acme has no voice 'nobody'"), ("acme.speed=2", "*speed*voice*")],
    ids=["value", "name"],
)
def test_its_options_are_checked_before_any_test_runs(acme, option, message):
    for arguments in ([f"--russo-synth-option={option}"], ["-o", f"russo_synth_options={option}"]):
        result, _ = run(acme, *arguments)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {message}"])
        result.stdout.no_fnmatch_line("*test_it.py*")


def test_a_fixture_of_the_rootdir_replaces_it_from_the_start(acme):
    acme.conftest(ONLY_ACME.format(factory="Acme") + OWN_FIXTURE)
    result, header = run(acme, "-o", "russo_synth_options=acme.voice=nobody")
    result.assert_outcomes(passed=1)
    assert header == DEFAULTS
    assert len(summary_lines(result)) == 1


def test_a_fixture_that_uses_it_too_adds_it_to_the_summary(acme):
    acme.conftest(
        ONLY_ACME.format(factory="Acme")
        + """
    @pytest.fixture(scope="session")
    def russo_synthesizer(russo_synthesizer): return russo_synthesizer
"""
    )
    result, header = run(acme, "--russo-cache-mode=auto")
    assert (header, summary_lines(result)[1:]) == (DEFAULTS, [BACKEND])


def test_a_fixture_that_the_header_did_not_know_is_named(acme):
    acme.tests(
        f"""
    import pytest
    from conftest import Speaker
    {OWN_FIXTURE}
    def test_it(russo_say): russo_say("Hello")
"""
    )
    result, header = run(acme, "--russo-cache-mode=auto")
    assert header == f"{BACKEND}, {DEFAULTS}"
    assert summary_lines(result)[1:] == [REPLACES.format("test_it.py")]
    option = "--russo-synth-option=google.voice=Kore"
    (line,) = [line for line in summary_lines(run(acme, option)[0]) if "google" in line]
    assert line == (
        f"the fixture russo_synthesizer of test_it.py replaces the backend of {option.replace('Kore', '…')}"
    )
