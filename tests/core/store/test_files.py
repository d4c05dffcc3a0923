import os

import pytest

from support.cache_files import AUDIO, KEY


@pytest.mark.parametrize("most", [1, 7, 4095, 4096, 4097])
def test_metadata_read_in_pieces_is_whole(cache, monkeypatch, most):
    cache.put(KEY, AUDIO, prompt="x" * 9000)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, most)))
    assert cache.get(KEY) == AUDIO
