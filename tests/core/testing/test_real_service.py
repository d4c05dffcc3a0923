"""A backend with a key and without a declared service: the checks would call the real service."""

from support.kit.right_sources import ENGINE, ENGINE_TEST
from support.kit.wrong import AUDIO


def test_real_service_is_not_called_with_a_real_key(kit, monkeypatch):
    monkeypatch.setenv("ENGINE_KEY", "a real key")
    kit.install("engine", ENGINE, ENGINE_TEST)
    failed, output = kit.run({AUDIO})
    assert failed == {AUDIO.__name__}
    assert "seen: ENGINE_KEY set, but no service declared" in output


def test_real_service_is_called_with_a_real_key_if_the_author_asks_for_it(kit, monkeypatch):
    monkeypatch.setenv("ENGINE_KEY", "a real key")
    kit.install(
        "engine", ENGINE, ENGINE_TEST.replace("    patience", "    calls_real_service = True\n    patience")
    )
    assert kit.run({AUDIO})[0] == set()


def test_backend_without_a_key_in_the_environment_is_checked(kit, monkeypatch):
    monkeypatch.delenv("ENGINE_KEY", raising=False)
    kit.install("engine", ENGINE, ENGINE_TEST)
    assert kit.run({AUDIO})[0] == set()
