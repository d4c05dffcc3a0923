"""The kit, tested by backends that are wrong in one place each."""

import importlib
import logging
import os
import re
from textwrap import dedent
from unittest import mock

import pytest

from russo._backends.entry_points import installed_in
from russo.testing import BackendContract
from russo.testing._checks import child
from support import contract_subjects
from support.wrong_subjects import (
    AFRESH,
    AUDIO,
    ENGINES,
    RIGHT_ENGINES,
    RIGHT_SERVICES,
    SERVICES,
    SOUNDS,
)

ALL = {name for name in dir(BackendContract) if name.startswith("test_")}


def checks_of(*modules):
    return {name for name in ALL if getattr(BackendContract, name).__module__.rpartition(".")[2] in modules}


PROCESSES = checks_of("fresh_process")
REQUESTS = checks_of("sent", "retries", "replies", "api_keys")
# They wait for real: they are run only where they are to catch.
SLOW = {
    "test_service_that_asks_to_wait_is_waited_for",
    "test_connection_lost_is_retried",
    "test_service_that_falls_silent_is_a_timeout",
    "test_busy_service_is_not_asked_again_at_once",
}


class Kit:
    """A project with one backend, installed, and the test class of its author."""

    def __init__(self, pytester, monkeypatch):
        self.pytester = pytester
        monkeypatch.syspath_prepend(pytester.path)
        # It needs no plugin: not for asyncio, and not even russo's own.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def install(self, name, source, test, target=None):
        files = {name: source, f"test_{name}": test, f"{name}_sdk": ""}
        self.pytester.makepyfile(**{name: dedent(text) for name, text in files.items()})
        info = self.pytester.mkdir(f"{name}-1.0.dist-info")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        sdk = self.pytester.mkdir(f"{name}_sdk-2.0.dist-info")
        (sdk / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-sdk\nVersion: 2.0\n")
        (sdk / "RECORD").write_text(f"{name}_sdk.py,,\n")
        target = target or f"{name}:{name.capitalize()}Synthesizer"
        (info / "entry_points.txt").write_text(f"[russo.synthesizers]\n{name} = {target}\n")
        importlib.invalidate_caches()
        installed_in.cache_clear()

    def run(self, checks=ALL):
        """Run these checks in this process; return what fails, and the output."""
        only = " or ".join(sorted(checks))
        result = self.pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "default", "-k", only)
        output = result.stdout.str()
        return set(re.findall(r"^(?:FAILED|ERROR) \S+::(test_\w+)", output, re.MULTILINE)), output


@pytest.fixture
def kit(pytester, monkeypatch):
    monkeypatch.chdir(pytester.path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with mock.patch.dict(os.environ):  # a wrong backend leaves behind what it likes
        yield Kit(pytester, monkeypatch)
    root.handlers[:], root.level = handlers, level
    installed_in.cache_clear()


def patched(patches, *sources):
    for old, new in patches:
        assert sum(source.count(old) for source in sources) == 1, "what is to be patched is there once"
        sources = [source.replace(old, new) for source in sources]
    return sources


@pytest.mark.parametrize("name", ENGINES)
def test_wrong_engine_is_caught_by_the_check_of_that(name, kit):
    wrong = ENGINES[name]
    kit.install(
        "engine",
        *patched(
            [(wrong.old, wrong.new), *wrong.more], contract_subjects.ENGINE, contract_subjects.ENGINE_TEST
        ),
    )
    expected = set(wrong.caught_by.split())
    processes = PROCESSES if PROCESSES & expected else set()  # a third of a second
    failed, output = kit.run(ALL - REQUESTS - PROCESSES | processes | expected)
    assert failed == expected
    assert wrong.says in output
    assert output.count("the contract wants: ") == output.count("\nwhy: ") > 0


@pytest.mark.parametrize("name", SOUNDS)
def test_wrong_audio_is_caught(name, kit):
    code, says = SOUNDS[name]
    code = f"from russo import Audio\n        sound = pcm_audio(b'ab' * 800, 8000).data\n        {code}"
    code = code.replace("wav(b", "__import__('russo.testing').testing.wav(b")
    kit.install(
        "engine",
        contract_subjects.ENGINE.replace("return pcm_audio(", f"{code}\n        return pcm_audio("),
        contract_subjects.ENGINE_TEST,
    )
    failed, output = kit.run({AUDIO})
    assert failed == {AUDIO}
    assert says in output


@pytest.mark.parametrize("name", SERVICES)
def test_wrong_service_backend_is_caught_by_the_check_of_that(name, kit):
    wrong = SERVICES[name]
    expected = set(wrong.caught_by.split())
    kit.install(
        "service",
        *patched(
            [(wrong.old, wrong.new), *wrong.more], contract_subjects.SERVICE, contract_subjects.SERVICE_TEST
        ),
    )
    failed, output = kit.run(REQUESTS - SLOW | expected)
    assert failed == expected
    assert wrong.says in output


def test_every_check_catches_something():
    caught = {name for wrong in [*ENGINES.values(), *SERVICES.values()] for name in wrong.caught_by.split()}
    assert caught == ALL


def test_right_engine_passes_and_skips_what_needs_a_service(kit):
    kit.install("engine", contract_subjects.ENGINE, contract_subjects.ENGINE_TEST)
    failed, output = kit.run()
    assert failed == set()
    # One of them for each option; and voice is no float.
    assert re.search(rf"\d+ passed, {len(REQUESTS) + 2} skipped", output)


def test_right_service_backend_passes_all(kit):
    kit.install("service", contract_subjects.SERVICE, contract_subjects.SERVICE_TEST)
    failed, output = kit.run()
    assert failed == set()
    # Closing, for it offers no aclose; it has no float; the requests tell of its options and its timeout.
    assert re.search(r"\d+ passed, 4 skipped", output)


@pytest.mark.parametrize("name", RIGHT_ENGINES)
def test_right_engine_of_another_kind_passes(name, kit):
    kit.install(
        "engine", *patched(RIGHT_ENGINES[name], contract_subjects.ENGINE, contract_subjects.ENGINE_TEST)
    )
    failed, output = kit.run(ALL - PROCESSES - REQUESTS)
    assert failed == set(), output


@pytest.mark.parametrize("name", RIGHT_SERVICES)
def test_right_service_of_another_kind_passes(name, kit):
    kit.install(
        "service", *patched(RIGHT_SERVICES[name], contract_subjects.SERVICE, contract_subjects.SERVICE_TEST)
    )
    failed, output = kit.run(ALL - PROCESSES - SLOW)
    assert failed == set(), output


@pytest.mark.parametrize(
    ("waits", "says"),
    [
        (
            "threading.Thread(target=threading.Event().wait).start()",
            "it is made, but its process does not end",
        ),
        ("threading.Event().wait()", "it is not made within 3 s; a wait in the constructor?"),
    ],
)
def test_constructor_that_holds_a_process_up_is_told_once(waits, says, kit, monkeypatch):
    monkeypatch.setattr(child, "_PATIENCE", 3.0)
    waiting = (
        f"self.api_key = api_key\n        import sys, threading\n        'pytest' in sys.modules or {waits}"
    )
    source = contract_subjects.ENGINE.replace("self.api_key = api_key", waiting)
    kit.install("engine", source, contract_subjects.ENGINE_TEST)
    failed, output = kit.run(PROCESSES)
    assert failed == {AFRESH}
    assert says in output
    assert re.search(rf"1 failed, {len(PROCESSES) - 1} skipped", output)


def test_constructor_that_waits_here_is_told(kit):
    waiting = "self.api_key = api_key\n        __import__('threading').Event().wait()"
    source = contract_subjects.ENGINE.replace("self.api_key = api_key", waiting)
    kit.install("engine", source, contract_subjects.ENGINE_TEST)
    failed, output = kit.run({"test_cache_key_extra_is_json"})
    assert failed == {"test_cache_key_extra_is_json"}
    assert "the contract wants: constructing ends within 2 s" in output


def test_backend_that_needs_a_key_is_told_that_it_must_not(kit):
    source = contract_subjects.ENGINE.replace("api_key: str | None = None", "api_key: str")
    kit.install("engine", source, contract_subjects.ENGINE_TEST)
    failed, output = kit.run({AUDIO})
    assert failed == {AUDIO}
    assert (
        "the contract wants: a synthesizer is made without any option, beyond `options` of the test" in output
    )


@pytest.mark.parametrize(
    ("target", "says"),
    [("engine", "it leads to <module 'engine'"), ("engine:Nobody", "has no attribute 'Nobody'")],
)
def test_entry_point_that_leads_to_no_class_is_told(target, says, kit):
    kit.install("engine", contract_subjects.ENGINE, contract_subjects.ENGINE_TEST, target)
    failed, output = kit.run({"test_options_are_keywords"})
    assert failed == {"test_options_are_keywords"}
    assert says in output
    assert f"the contract wants: the entry point 'engine' ({target}) makes synthesizers" in output


def test_plainest_faults_are_told_first(kit):
    kit.install("engine", contract_subjects.ENGINE, contract_subjects.ENGINE_TEST)
    result = kit.pytester.runpytest_inprocess("--collect-only", "-q", "-p", "no:cacheprovider")
    names = re.findall(r"::(test_\w+)", result.stdout.str())
    first = list(dict.fromkeys(names))
    assert first[0] == "test_entry_point_leads_to_the_class"
    assert first.index("test_cache_key_extra_is_json") < first.index(AFRESH) < first.index(AUDIO)


def test_service_backend_that_cannot_be_led_elsewhere_is_told_what_it_lacks(project):
    project.tests(
        """
        import pytest
        from russo.testing import BackendContract, HttpService, Reply, wav

        class TestIt(BackendContract):
            backend = "local"
            service = HttpService(
                good=lambda samples: Reply(body=wav(samples)),
                sent_key=lambda request: "",
                error_reply=lambda status, message, after: Reply(status=status),
            )

            @pytest.fixture
            def make_synthesizer(self):
                from russo_local import LocalSynthesizer
                return lambda **options: LocalSynthesizer(**options)
        """
    )
    result = project.run("-k", "test_audio_is_what_it_says_it_is")
    result.stdout.fnmatch_lines(
        [
            "the contract wants: a backend that calls a service takes the options api_key, base_url, *",
            "seen: api_key, base_url, * missing from *",
        ]
    )
