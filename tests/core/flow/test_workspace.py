"""Caches, equal directories and the chosen backend: shared by the pytest plugin and the command."""

import os
import subprocess
from importlib.metadata import EntryPoint

import pytest

from russo import AudioCache, BackendNotFoundError, LayeredCache
from russo._flow.workspace import Workspace
from russo._same_directory import is_same_directory
from russo._settings import Asked, resolve


def workspace(tmp_path, **asked):
    settings = resolve(Asked(**asked), ini=lambda _: "", environment={}, rootdir=tmp_path, cwd=tmp_path)
    return Workspace.of(settings)


def test_recordings_are_read_first_and_never_written(tmp_path):
    found = workspace(tmp_path, cache_dir="cache", recordings_dir="kept")
    assert [(role, cache.directory.name, cache.read_only) for role, cache in found.layers] == [
        ("recordings", "kept", True),
        ("cache", "cache", False),
    ]
    assert isinstance(found.layered, LayeredCache)
    assert not found.is_recordings
    assert list(tmp_path.iterdir()) == []


def link(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "cache").symlink_to("kept", target_is_directory=True)


def bind_mount(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "cache").mkdir()
    command = ["mount", "--bind", str(tmp_path / "kept"), str(tmp_path / "cache")]
    if os.name != "posix" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no bind mount can be made here")


@pytest.fixture(params=[link, bind_mount], ids=["a link", "a bind mount"])
def one_directory(request, tmp_path):
    request.param(tmp_path)
    yield tmp_path
    if request.param is bind_mount:
        subprocess.run(["umount", str(tmp_path / "cache")], check=True)


def test_two_paths_to_one_directory_are_recognised(one_directory):
    found = workspace(one_directory, cache_dir="cache", recordings_dir="kept")
    assert found.is_recordings
    assert found.recordings is None
    assert found.layered is found.cache
    # All rules apply: these recordings may be refreshed, and may not be cleared.
    workspace(one_directory, cache_dir="cache", recordings_dir="kept", mode="refresh")
    with pytest.raises(ValueError, match="would clear the recordings"):
        workspace(one_directory, cache_dir="cache", recordings_dir="kept", clear=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", "b/../a", True),
        ("a", "b", False),
        ("here", "a", False),
        ("here", "here/", True),
    ],
)
def test_directories_that_do_not_exist_are_compared_by_their_paths(tmp_path, one, other, same):
    (tmp_path / "here").mkdir()
    assert is_same_directory(tmp_path / one, tmp_path / other) is same


@pytest.mark.parametrize(
    ("installed", "message"),
    [
        ([], 'no backend is installed; pip install "russo-core[local]" brings one that needs no key'),
        (["one", "two"], "several backends are installed; choose one: --synth {one,two}"),
    ],
)
def test_missing_choice_of_a_backend_is_an_error_that_lists_the_backends(
    tmp_path, monkeypatch, installed, message
):
    entries = {name: (EntryPoint(name, f"{name}:Synth", "group"),) for name in installed}
    monkeypatch.setattr("russo._flow.workspace.installed_backends", lambda: entries)
    with pytest.raises(BackendNotFoundError) as caught:
        workspace(tmp_path).backend("--synth ")
    assert str(caught.value) == message
    assert (caught.value.name, caught.value.installed) == ("", installed)


def test_the_only_installed_backend_is_chosen(tmp_path, monkeypatch):
    entries = {"one": (EntryPoint("one", "one:Synth", "group"),)}
    monkeypatch.setattr("russo._flow.workspace.installed_backends", lambda: entries)
    assert workspace(tmp_path).backend("--synth ") == "one"
    assert workspace(tmp_path, synth="two").backend("--synth ") == "two"


def test_audio_cache_and_layered_cache_have_the_same_interface(tmp_path):
    cache, kept = AudioCache(tmp_path / "cache"), AudioCache(tmp_path / "kept", read_only=True)
    layered = LayeredCache(cache, [kept])
    assert (cache.layers, layered.layers) == ((cache,), (kept, cache))
    assert cache.writable is layered.writable is cache
    assert [found.reason for found, _ in (cache.find("k"), layered.find("k"))] == ["absent", "absent"]
