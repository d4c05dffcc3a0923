"""``pytest_russo_…`` hooks in conftest files, and hooks that fail."""

from support.projects import summary

HOOKS = (
    "cache_hit",
    "cache_miss",
    "synthesis_start",
    "synthesis_finish",
    "entry_stored",
    "entry_damaged",
    "store_failed",
)
LISTENER = "\n".join(
    f"def pytest_russo_{name}(event): print('heard', '{name}', event.prompt)" for name in HOOKS
)
FIXTURE = """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Speaker()

"""


def printed_events(result):
    return [line.split(" ", 1)[1] for line in result.outlines if line.startswith("heard ")]


def test_conftest_functions_get_every_event(project):
    project.conftest(FIXTURE)
    path = project.path / "conftest.py"
    path.write_text(path.read_text() + "\n\n" + LISTENER)
    project.tests("def test_it(russo_say): print(); russo_say('Hello'); russo_say('Hello')")
    result = project.run("-s")
    assert printed_events(result) == [
        "cache_miss Hello",
        "synthesis_start Hello",
        "synthesis_finish Hello",
        "entry_stored Hello",
        "cache_hit Hello",
    ]


def test_conftest_functions_get_events_of_damage_and_failed_stores(project):
    project.conftest(FIXTURE)
    path = project.path / "conftest.py"
    path.write_text(path.read_text() + "\n\n" + LISTENER)
    project.tests(
        """
        import shutil
        from pathlib import Path

        def test_it(russo_say):
            print()
            russo_say("Hello")
            next(Path(".russo_cache").glob("*.audio")).write_bytes(b"noise")
            russo_say("Hello")
            shutil.rmtree(".russo_cache")
            Path(".russo_cache").write_text("in the way")
            russo_say("Hello")
        """
    )
    result = project.run("-s")
    assert "entry_damaged Hello" in printed_events(result)
    assert "store_failed Hello" in printed_events(result)
    assert (
        summary(result)
        == "0 hits, 3 backend calls to speaker (15 characters), 1 damaged, 1 not stored (Not a directory)"
    )


def test_conftest_gets_only_events_of_the_tests_below_it(project):
    project.conftest(FIXTURE)
    for name in ("one", "two"):
        (project.path / name).mkdir()
        (project.path / name / "conftest.py").write_text(
            f"def pytest_russo_cache_miss(event): print('heard', '{name}', event.prompt)"
        )
        (project.path / name / f"test_{name}.py").write_text(
            f"def test_it(russo_say): print(); russo_say('{name}')"
        )
    assert printed_events(project.run("-s")) == ["one one", "two two"]


def test_misspelt_hook_is_an_error(project):
    project.conftest(FIXTURE)
    path = project.path / "conftest.py"
    path.write_text(path.read_text() + "\n\ndef pytest_russo_cache_hits(event): pass")
    project.tests("def test_it(): pass")
    result = project.run()
    assert result.ret != 0
    (result.stdout if result.ret == 3 else result.stderr).fnmatch_lines(
        ["*unknown hook 'pytest_russo_cache_hits'*"]
    )


def test_hook_that_raises_is_reported_and_the_other_hooks_still_run(project):
    project.conftest(
        FIXTURE
        + """
    def pytest_russo_cache_miss(event):
        pytest.fail("not today")

    class Other:
        def pytest_russo_cache_miss(self, event):
            print("heard", "other", event.prompt)

    def pytest_configure(config):
        config.pluginmanager.register(Other(), "other")
    """
    )
    project.tests("def test_it(russo_say): print(); assert russo_say('Hello').data")
    result = project.run("-s")
    result.assert_outcomes(passed=1)
    assert printed_events(result) == ["other Hello"]
    result.stdout.fnmatch_lines(["russo: plugin *conftest.py raised in pytest_russo_cache_miss: *not today*"])


def test_plugins_registered_with_russo_get_the_events_of_a_pytest_run(project):
    project.conftest(
        FIXTURE
        + """
    import russo

    class Listener:
        @russo.hookimpl
        def russo_cache_miss(self, event):
            print("heard", type(event).__name__, event.prompt, event.backend, event.declares_settings)

    LISTENER = Listener()

    def pytest_configure():
        russo.plugin_manager().register(LISTENER)

    def pytest_unconfigure():
        russo.plugin_manager().unregister(LISTENER)
    """
    )
    project.tests("def test_it(russo_say): print(); russo_say('Hello')")
    assert printed_events(project.run("-s")) == ["CacheMiss Hello speaker True"]
