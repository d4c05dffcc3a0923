"""The folder .russo_calls: which calls are kept, under which names, and in which form."""

import json
import os
import re
import wave

import pytest

from russo_agents import ToolCall
from russo_agents._plugin.call_json import plain
from russo_agents._plugin.kept_calls import KeptCalls
from support.agents.foreign import BrokenMapping, Unprintable
from support.projects import summary_lines

TWO_TESTS = """
    def test_fails(russo_call):
        russo_call.say("Hello")
        assert False

    def test_passes(russo_call):
        russo_call.say("Hello")
"""


def kept(project):
    """Return the folders of the kept calls by the test's name."""
    return {
        re.search(r"test_[a-z]+(?=-[^-]*$|-[a-z0-9-]*$)", folder.name)[0]: folder
        for folder in (project.path / ".russo_calls").glob("[!.]*")
    }


@pytest.mark.parametrize(
    ("keep", "names"),
    [([], {"test_fails"}), (["--russo-keep-calls=all"], {"test_fails", "test_passes"})],
)
def test_calls_of_failed_tests_or_of_all_are_kept(agent_project, keep, names):
    agent_project.tests(TWO_TESTS)
    result = agent_project.run(*keep)
    result.assert_outcomes(passed=1, failed=1)
    folders = kept(agent_project)
    assert set(folders) == names
    assert (agent_project.path / ".russo_calls" / ".gitignore").read_text() == "*\n"
    assert {path.name for path in folders["test_fails"].iterdir()} == {"call.wav", "call.json"}
    assert f"kept: .russo_calls/{folders['test_fails'].name}/" in result.outlines


def test_with_none_nothing_is_kept(agent_project):
    agent_project.tests(TWO_TESTS)
    result = agent_project.run("--russo-keep-calls=none")
    assert not (agent_project.path / ".russo_calls").exists()
    assert not any(line.startswith("kept: ") for line in result.outlines)


@pytest.mark.parametrize("source", ["ini", "environment"])
def test_setting_may_come_from_the_ini_file_or_the_environment(agent_project, monkeypatch, source):
    agent_project.tests(TWO_TESTS)
    if source == "ini":
        agent_project.ini("russo_keep_calls = none")
    else:
        monkeypatch.setenv("RUSSO_KEEP_CALLS", "none")
    agent_project.run()
    assert not (agent_project.path / ".russo_calls").exists()


def test_sound_has_the_caller_left_and_the_agent_right(agent_project):
    agent_project.tests(TWO_TESTS)
    agent_project.run()
    with wave.open(str(kept(agent_project)["test_fails"] / "call.wav")) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, 8000)
        frames = memoryview(sound.readframes(sound.getnframes())).cast("h")
    left, right = frames[0::2].tolist(), frames[1::2].tolist()
    assert sum(map(bool, left)) == 600
    assert right.count(0x2000) == 4000
    assert max(index for index, sample in enumerate(left) if sample) < right.index(0x2000)


def test_document_describes_the_call(agent_project):
    agent_project.tests(TWO_TESTS)
    agent_project.run()
    document = json.loads((kept(agent_project)["test_fails"] / "call.json").read_text())
    moments = document.pop("moments")
    assert document == {
        "version": 1,
        "test": "test_it.py::test_fails",
        "outcome": "failed",
        "agent": "shop.Shop",
        "pace": 0.0,
        "audio": "call.wav",
        "seconds_said": 0.075,
        "seconds_heard": 0.5,
        "turns": 1,
        "latencies": [],
        "problems": [],
    }
    assert [moment["kind"] for moment in moments if moment["kind"] not in ("ended", "speaks")] == [
        "caller",
        "heard",
        "tool",
        "said",
        "turn",
    ]
    assert moments[0] == {"at": moments[0]["at"], "kind": "caller", "text": "Hello", "seconds": 0.075}
    (tool,) = (moment["tool"] for moment in moments if moment["kind"] == "tool")
    assert tool == {"name": "set_light", "arguments": {"room": "kitchen", "on": True}, "result": "done"}


def test_call_without_sound_has_no_audio(agent_project):
    agent_project.tests("def test_fails(russo_call): assert False")
    agent_project.run()
    folder = kept(agent_project)["test_fails"]
    assert [path.name for path in folder.iterdir()] == ["call.json"]
    assert json.loads((folder / "call.json").read_text())["audio"] is None


def test_sound_that_cannot_be_read_is_a_problem_and_not_an_error(agent_project):
    agent_project.tests(
        """
        def test_fails(russo_call):
            def stereo():
                raise ValueError("no \\x1b sound")

            russo_call.record.stereo = stereo
            assert False
        """
    )
    result = agent_project.run("--russo-report=report.json", subprocess=True)
    result.assert_outcomes(failed=1)
    document = json.loads((kept(agent_project)["test_fails"] / "call.json").read_text())
    problem = "the sound of the call cannot be read: ValueError('no \\x1b sound')"
    assert (document["audio"], document["problems"]) == (None, [problem])
    assert problem in summary_lines(result)


def test_several_calls_of_a_test_are_numbered(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_fails(russo_async_call):
            for prompt in ("One", "Two", "Three"):
                async with russo_async_call() as call:
                    await call.say(prompt)
            assert False
        """
    )
    agent_project.run()
    folder = kept(agent_project)["test_fails"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"call{number}.{suffix}" for number in ("", "-2", "-3") for suffix in ("json", "wav")
    )
    third = json.loads((folder / "call-3.json").read_text())
    assert (third["moments"][0]["text"], third["audio"]) == ("Three", "call-3.wav")


def test_test_that_passes_later_removes_its_own_folder_only(agent_project):
    agent_project.tests(TWO_TESTS + TWO_TESTS.replace("fails", "flips"))
    agent_project.run()
    assert set(kept(agent_project)) == {"test_fails", "test_flips"}
    agent_project.tests(TWO_TESTS + TWO_TESTS.replace("fails", "flips").replace("False", "True"))
    agent_project.run("-k", "flips or passes")
    assert set(kept(agent_project)) == {"test_fails"}


@pytest.mark.parametrize("end", ["pytest.skip('later')", "pytest.xfail('known')"])
def test_test_that_is_skipped_or_xfailed_changes_nothing(agent_project, end):
    agent_project.tests(TWO_TESTS)
    agent_project.run()
    agent_project.tests(f"import pytest\ndef test_fails(russo_call): {end}")
    agent_project.run()
    assert set(kept(agent_project)) == {"test_fails"}
    agent_project.run("--russo-keep-calls=all")
    document = json.loads((kept(agent_project)["test_fails"] / "call.json").read_text())
    assert document["outcome"] == "skipped"


def test_new_failure_replaces_the_files(agent_project):
    agent_project.tests(TWO_TESTS)
    agent_project.run()
    folder = kept(agent_project)["test_fails"]
    (folder / "old.txt").write_text("of an earlier run")
    agent_project.run()
    assert sorted(path.name for path in folder.iterdir()) == ["call.json", "call.wav"]
    assert [path.name for path in folder.parent.glob(".new-*")] == []


def test_attempt_that_failed_stays_if_the_test_passes_when_it_is_run_again(agent_project):
    agent_project.tests(
        """
        attempts = []

        def test_fails(russo_call):
            attempts.append(1)
            russo_call.say(f"Attempt {len(attempts)}")
            assert len(attempts) == 3
        """
    )
    result = agent_project.run("--reruns=3", subprocess=True)
    result.stdout.fnmatch_lines(["*1 passed, 2 rerun*"])
    document = json.loads((kept(agent_project)["test_fails"] / "call.json").read_text())
    assert document["moments"][0]["text"] == "Attempt 2"
    agent_project.tests("def test_fails(russo_call): pass")
    agent_project.run()
    assert kept(agent_project) == {}


def test_workers_keep_the_calls_of_their_tests(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.mark.parametrize("word", ["one", "two", "three", "four", "five", "six"])
        def test_fails(russo_call, word):
            russo_call.say(word)
            assert False
        """
    )
    agent_project.run("-n", "4", subprocess=True).assert_outcomes(failed=6)
    found = (agent_project.path / ".russo_calls").glob("*/call.json")
    words = {json.loads(path.read_text())["moments"][0]["text"] for path in found}
    assert words == {"one", "two", "three", "four", "five", "six"}


def test_directory_that_cannot_be_written_is_reported(agent_project):
    (agent_project.path / ".russo_calls").write_text("a file")
    agent_project.tests(TWO_TESTS)
    result = agent_project.run()
    result.assert_outcomes(passed=1, failed=1)
    assert "calls not kept in .russo_calls: File exists" in result.outlines
    assert summary_lines(result)[-1] == "calls not kept in .russo_calls: File exists"


@pytest.mark.parametrize(
    "test",
    [
        "tests/test_a.py::test_it[a/b\\c:d*?\"<>| 'x'\n\x1b]",
        "test_a.py::test_it[" + "x" * 1000 + "]",
        "test_a.py::test_it[" + "y" * 1000 + "]",
        "test_a.py::test_it[ä]",
        "test_a.py::test_it[ö]",
        "test_a.py::TEST_it",
        "test_a.py::test_it",
        "test_a.py::test_it[\ud800]",
        "..",
        "con",
    ],
)
def test_name_of_a_folder_is_portable(tmp_path, test):
    name = KeptCalls(tmp_path, keeps_all=False).folder_of(test).name
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,80}-[0-9a-f]{8}", name)
    assert name[0] not in ".-"


def test_names_of_folders_are_unique(tmp_path):
    tests = ["test_a.py::test_it[ä]", "test_a.py::test_it[ö]", "test_a.py::TEST_it", "test_a.py::test_it"]
    tests += [f"test_a.py::test_it[{letter * 1000}]" for letter in "xy"]
    kept = KeptCalls(tmp_path, keeps_all=False)
    assert len({kept.folder_of(test).name.lower() for test in tests}) == len(tests)


# Without a check, each level would double the number of values.
CIRCLE = []
CIRCLE += [CIRCLE, CIRCLE]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": (1, 2.5, None, True)}, {"a": [1, 2.5, None, True]}),
        ({1: {("x", "y"): "z"}}, {"1": {"('x', 'y')": "z"}}),
        (float("nan"), "nan"),
        (ToolCall("f", {"a": 1}), "f(a=1)"),
        (Unprintable(), "<Unprintable, whose repr raises ValueError>"),
        ({Unprintable(): 1}, {"<Unprintable, whose repr raises ValueError>": 1}),
        (BrokenMapping(a=1), "{'a': 1}"),
        (2**1000 - 1, 2**1000 - 1),
        (2**1000, str(2**1000)),
        pytest.param(10**5000, "<int, whose repr raises ValueError>", id="long number"),
    ],
)
def test_foreign_values_become_json(value, expected):
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_circular_value_becomes_json():
    assert plain(CIRCLE) == ["[[...], [...]]"] * 2


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_umask_decides_who_can_read_kept_calls(agent_project, mask):
    agent_project.tests(TWO_TESTS)
    before = os.umask(mask)
    try:
        agent_project.run()
    finally:
        os.umask(before)
    folder = kept(agent_project)["test_fails"]
    assert oct(folder.stat().st_mode & 0o777) == oct(0o777 & ~mask)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert modes == dict.fromkeys(("call.wav", "call.json"), oct(0o666 & ~mask))
    assert list(folder.parent.glob(".new-*")) == []
