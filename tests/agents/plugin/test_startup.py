"""Modules that a pytest run loads if russo-agents is installed but not used."""

from support.startup import run_pytest


def test_unused_plugin_imports_only_itself(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "def test_it(): assert 1 == 1\ndef test_fails(): assert [1] == [2]\n"
    )
    with_agents, without = run_pytest(tmp_path), run_pytest(tmp_path, "-p", "no:russo-agents")
    assert set(with_agents["modules"]) - set(without["modules"]) == {
        "russo_agents",
        "russo_agents._pytest_plugin",
        "russo.plugins",
    }
    assert with_agents["scans"] == without["scans"]
    assert with_agents["code"] == without["code"] == 1


def test_probe_detects_the_imports_of_a_run_that_uses_an_agent(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text("def test_it(russo_agent): pass\n")
    assert "russo_agents._loading" in run_pytest(tmp_path)["modules"]
