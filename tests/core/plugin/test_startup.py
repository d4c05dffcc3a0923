"""Modules that a pytest run loads if russo is installed but not used."""

import pytest

from support.startup import run_pytest


@pytest.fixture
def project_without_russo(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    return tmp_path


def test_unused_plugin_imports_only_itself(project_without_russo):
    without_agents = ("-p", "no:russo-agents")
    with_russo, without = (
        run_pytest(project_without_russo, *without_agents),
        run_pytest(project_without_russo, *without_agents, "-p", "no:russo", "-p", "no:russo-core"),
    )
    assert with_russo["code"] == without["code"] == 0
    assert set(with_russo["modules"]) - set(without["modules"]) == {
        "russo",
        "russo._installation",
        "russo._plugin",
        "russo._plugin.installation",
        "russo._plugin.complete_run",
        "russo._plugin.item",
        "russo._plugin.options",
        "russo._plugin.workers",
        "russo._plugin.pytest_plugin",
        "russo._plugin.hookspecs",
    }
    assert with_russo["scans"] == without["scans"]


def test_probe_detects_the_imports_of_a_run_that_uses_russo(project_without_russo):
    (project_without_russo / "test_it.py").write_text("def test_it(russo_cache): pass\n")
    assert {"xxhash", "russo._store.cache"} <= set(run_pytest(project_without_russo)["modules"])
