"""Several projects share one cache: no project removes entries that another project uses."""

import os
import shutil

import pytest

from russo import AudioCache
from support.projects import summary_lines

CONFTEST = """
    import pytest
    from russo import Audio

    class Speaker:
        cache_key_extra = {"backend": "speaker"}

        async def synthesize(self, text):
            return Audio(text.encode() * 100, "pcm", 8000, 1, 1)

    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Speaker()
"""


class Shared:
    """Projects in folders of one directory, and a shared cache beside them."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.path = pytester.path
        pytester.makeconftest(CONFTEST)

    def project(self, name, *prompts, ini="pytest.ini", settings="", tests="test_it.py"):
        """Write a project or replace it."""
        folder = self.path / name
        (folder / tests).parent.mkdir(parents=True, exist_ok=True)
        (folder / ini).write_text(
            f"[pytest]\nasyncio_default_fixture_loop_scope=function\nrusso_cache_dir=../shared\n{settings}"
        )
        shutil.copy(self.path / "conftest.py", folder)
        says = "; ".join(f"russo_say({prompt!r})" for prompt in prompts)
        (folder / tests).write_text(f"def test_it(russo_say): {says}\n")

    def run(self, name, *arguments):
        """Run the tests of a project in its folder."""
        before = os.getcwd()
        os.chdir(self.path / name)
        try:
            result = self.pytester.runpytest_inprocess("-p", "no:cacheprovider", "--rootdir=.", *arguments)
        finally:
            os.chdir(before)
        assert result.ret == 0
        return summary_lines(result)

    @property
    def prompts(self):
        """Return the prompts in the cache."""
        cache = AudioCache(self.path / "shared")
        return {cache.describe(key)["prompt"] for key in cache.stored_keys()}


@pytest.fixture
def shared(pytester):
    return Shared(pytester)


PRUNE = pytest.mark.parametrize("prune", ["--russo-prune-unused", "--russo-prune-unused=all"])


@PRUNE
def test_package_keeps_entries_that_another_package_uses(shared, prune):
    shared.project("a", "Of a", "Of both", "Old")
    shared.project("b", "Of b", "Of both")
    shared.run("a")
    shared.run("b")
    assert "Old" in shared.prompts
    shared.project("a", "Of a")
    lines = shared.run("a", prune)
    assert shared.prompts == {"Of a", "Of b", "Of both"}
    assert any(line.startswith("removed: 'Old'") for line in lines)
    assert any("runs in ../b with pytest.ini use them" in line for line in lines)
    # An entry that both used is removed when the other package no longer uses it.
    shared.project("b", "Of b")
    shared.run("b")
    shared.run("a", prune)
    assert shared.prompts == {"Of a", "Of b"}


@PRUNE
def test_checkout_keeps_entries_that_another_checkout_uses(shared, prune):
    shared.project("main", "One", "Two")
    shared.project("worktree", "One", "Two", "New")
    shared.run("worktree")
    shared.run("main")
    shared.project("main", "One")
    shared.run("main", prune)
    assert shared.prompts == {"One", "Two", "New"}


@PRUNE
def test_run_with_one_ini_file_keeps_entries_of_another_ini_file(shared, prune):
    shared.project("p", "Unit", ini="unit.ini", settings="testpaths=unit", tests="unit/test_u.py")
    shared.project("p", "Voice", ini="voice.ini", settings="testpaths=voice", tests="voice/test_v.py")
    shared.run("p", "-c", "unit.ini")
    shared.run("p", "-c", "voice.ini")
    shared.run("p", "-c", "unit.ini", prune)
    assert shared.prompts == {"Unit", "Voice"}


@PRUNE
def test_narrowed_testpaths_keep_entries_of_the_earlier_testpaths(shared, prune):
    shared.project("p", "Unit", tests="unit/test_u.py", settings="testpaths=unit voice")
    shared.project("p", "Voice", tests="voice/test_v.py", settings="testpaths=unit voice")
    shared.run("p")
    shared.project("p", "Unit", tests="unit/test_u.py", settings="testpaths=unit")
    shared.run("p")
    shared.run("p", prune)
    assert shared.prompts == {"Unit", "Voice"}


def make_language_project(shared):
    """Make a project ``p`` whose only prompt is the value of its option ``--language``."""
    shared.project("p")
    (shared.path / "p" / "test_it.py").write_text(
        "def test_it(russo_say, pytestconfig): russo_say(pytestconfig.getoption('language'))\n"
    )
    conftest = shared.path / "p" / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\ndef pytest_addoption(parser): parser.addoption('--language', default='en')\n"
    )


@PRUNE
@pytest.mark.parametrize("language", [["--language=de"], ["--language", "de"]], ids=" ".join)
def test_run_keeps_entries_of_runs_with_other_options(shared, prune, language):
    make_language_project(shared)
    other = [word.replace("de", "fr") for word in language]
    for options in (language, other, [], [prune], [prune, *other], [prune, *language]):
        shared.run("p", *options)
    assert shared.prompts == {"en", "de", "fr"}


@PRUNE
def test_run_keeps_entries_of_runs_with_other_options_in_the_environment(shared, prune, monkeypatch):
    make_language_project(shared)
    for options in ("--language=de", "--language=fr", "", "--language=de", ""):
        monkeypatch.setenv("PYTEST_ADDOPTS", options)
        shared.run("p", prune)
    assert shared.prompts == {"en", "de", "fr"}


@PRUNE
def test_run_keeps_entries_of_runs_with_other_plugins_in_the_environment(shared, prune, monkeypatch):
    shared.project("p")
    (shared.path / "p" / "test_it.py").write_text(
        "def test_it(russo_say, pytestconfig):\n"
        "    russo_say('More' if pytestconfig.pluginmanager.has_plugin('pytester') else 'Fewer')\n"
    )
    for plugins in ("pytester", "", "pytester", ""):
        monkeypatch.setenv("PYTEST_PLUGINS", plugins)
        shared.run("p", prune)
    assert shared.prompts == {"More", "Fewer"}


def test_options_that_cannot_change_prompts_make_no_separate_project(shared):
    shared.project("p", "Old")
    shared.run("p", "-v", "--tb", "short", "-r", "A", "--durations=3", "--log-level=INFO")
    shared.project("p", "New")
    assert any(line.startswith("removed: 'Old'") for line in shared.run("p", "--russo-prune-unused"))


@pytest.mark.parametrize("gone", ["folder", "ini-file"])
def test_entries_of_a_deleted_project_are_removed_only_with_all(shared, gone):
    shared.project("a", "Of a", "Of both")
    shared.project("b", "Of b", "Of both")
    shared.run("a")
    shared.run("b")
    if gone == "folder":
        shutil.rmtree(shared.path / "b")
    else:
        (shared.path / "b" / "pytest.ini").unlink()
    shared.project("a", "Of a")
    assert any(
        "runs in ../b with pytest.ini use them" in line for line in shared.run("a", "--russo-prune-unused")
    )
    assert shared.prompts == {"Of a", "Of b", "Of both"}
    shared.run("a", "--russo-prune-unused=all")
    assert shared.prompts == {"Of a"}


def test_deleted_ledger_protects_no_entry(shared):
    shared.project("a", "Of a")
    shared.project("b", "Of b")
    shared.run("a")
    shared.run("b")
    (line,) = [line for line in shared.run("a", "--russo-prune-unused=all") if "runs in ../b" in line]
    (shared.path / "shared" / line.rpartition("delete ")[2].removesuffix(" there")).unlink()
    shared.run("a", "--russo-prune-unused=all")
    assert shared.prompts == {"Of a"}


def test_project_moved_with_its_cache_keeps_its_ledger(shared):
    shared.project("old/a", "One", "Old")
    shared.run("old/a")
    (shared.path / "old").rename(shared.path / "new")
    shared.project("new/a", "One")
    assert any(line.startswith("removed: 'Old'") for line in shared.run("new/a", "--russo-prune-unused"))


def test_cache_with_two_paths_has_one_ledger_per_project(shared):
    shared.project("a", "One", "Old")
    shared.run("a")
    (shared.path / "link").symlink_to(shared.path / "shared")
    shared.project("a", "One")
    lines = shared.run("a", "--russo-prune-unused", "--russo-cache-dir=../link")
    assert any(line.startswith("removed: 'Old'") for line in lines)


def test_entry_used_by_another_project_is_not_listed_as_unused(shared):
    shared.project("a", "Of a", "Of both", "Old")
    shared.project("b", "Of b", "Of both")
    shared.run("a")
    shared.run("b")
    shared.project("a", "Of a")
    listed = [line for line in shared.run("a", "-v") if line.startswith("unused:")]
    removed = [line for line in shared.run("a", "--russo-prune-unused") if line.startswith("removed:")]
    assert [line.split(":")[1] for line in listed] == [line.split(":")[1] for line in removed]
    assert len(listed) == 1
