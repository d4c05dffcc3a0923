"""The contract's reports about backends that cannot be checked, and their order."""

import re

import pytest

from russo.testing import BackendContract
from russo.testing._checks import child
from support.kit.checks import ALL, PROCESSES
from support.kit.right_sources import ENGINE, ENGINE_TEST
from support.kit.tables import WRONG_ENGINES, WRONG_SERVICES
from support.kit.wrong import AFRESH, AUDIO


def test_every_check_catches_a_wrong_backend():
    wrong = [*WRONG_ENGINES.values(), *WRONG_SERVICES.values()]
    assert set().union(*(each.caught_by for each in wrong)) == ALL


@pytest.mark.parametrize(
    ("waits", "says"),
    [
        (
            "threading.Thread(target=threading.Event().wait).start()",
            "it was made, but its process did not end",
        ),
        ("threading.Event().wait()", "it was not made within 3 s; a wait in the constructor?"),
    ],
)
def test_constructor_that_blocks_a_process_is_reported_once(waits, says, kit, monkeypatch):
    monkeypatch.setattr(child, "_PATIENCE", 3.0)
    waiting = (
        f"self.api_key = api_key\n        import sys, threading\n        'pytest' in sys.modules or {waits}"
    )
    source = ENGINE.replace("self.api_key = api_key", waiting)
    kit.install("engine", source, ENGINE_TEST)
    failed, output = kit.run(PROCESSES)
    assert failed == {AFRESH.__name__}
    assert says in output
    assert re.search(rf"1 failed, {len(PROCESSES) - 1} skipped", output)


def test_constructor_that_waits_in_this_process_is_reported(kit):
    waiting = "self.api_key = api_key\n        __import__('threading').Event().wait()"
    source = ENGINE.replace("self.api_key = api_key", waiting)
    kit.install("engine", source, ENGINE_TEST)
    failed, output = kit.run({BackendContract.test_cache_key_extra_is_json})
    assert failed == {"test_cache_key_extra_is_json"}
    assert "the contract wants: constructing ends within 2 s" in output


def test_constructor_that_requires_a_key_is_reported(kit):
    source = ENGINE.replace("api_key: str | None = None", "api_key: str")
    kit.install("engine", source, ENGINE_TEST)
    failed, output = kit.run({AUDIO})
    assert failed == {AUDIO.__name__}
    assert (
        "the contract wants: a synthesizer can be made without options, except for `options` of the test"
        in output
    )


@pytest.mark.parametrize(
    ("target", "says"),
    [("engine", "it leads to <module 'engine'"), ("engine:Nobody", "has no attribute 'Nobody'")],
)
def test_entry_point_without_a_class_is_reported(target, says, kit):
    kit.install("engine", ENGINE, ENGINE_TEST, target)
    failed, output = kit.run({BackendContract.test_options_are_keywords})
    assert failed == {"test_options_are_keywords"}
    assert says in output
    assert f"the contract wants: the entry point 'engine' ({target}) makes synthesizers" in output


def test_most_basic_faults_are_reported_first(kit):
    kit.install("engine", ENGINE, ENGINE_TEST)
    result = kit.pytester.runpytest_inprocess("--collect-only", "-q", "-p", "no:cacheprovider")
    names = re.findall(r"::(test_\w+)", result.stdout.str())
    first = list(dict.fromkeys(names))
    assert first[0] == "test_entry_point_leads_to_the_class"
    assert (
        first.index("test_cache_key_extra_is_json")
        < first.index(AFRESH.__name__)
        < first.index(AUDIO.__name__)
    )


def test_service_backend_without_required_options_is_reported_with_them(project):
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
