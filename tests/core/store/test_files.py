import os

import pytest

from russo._store.files import write_file
from support.cache_files import AUDIO, KEY


@pytest.mark.parametrize("most", [1, 7, 4095, 4096, 4097])
def test_metadata_read_in_pieces_is_complete(cache, monkeypatch, most):
    cache.put(KEY, AUDIO, prompt="x" * 9000)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, most)))
    assert cache.get(KEY) == AUDIO


@pytest.mark.parametrize("kind", ["symbolic", "hard", "nothing"])
def test_file_replaces_a_link_and_is_complete_or_absent(tmp_path, kind):
    victim, path = tmp_path / "victim", tmp_path / "file.html"
    victim.write_text("precious")
    if kind == "symbolic":
        path.symlink_to("victim")
    elif kind == "hard":
        os.link(victim, path)

    def broken():
        yield b"begin"
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_file(path, broken())
    assert path.exists() == (kind != "nothing")
    write_file(path, (b"ab", b"cd"))
    assert (path.read_bytes(), victim.read_text()) == (b"abcd", "precious")
    assert not path.is_symlink()
    assert {each.name for each in tmp_path.iterdir()} == {"victim", "file.html"}
