from pathlib import Path

import pytest

from support.cache_files import AUDIO, GIT_FILES, KEY, files_in


@pytest.mark.parametrize("name", ["get", "put", "lookup", "describe", "remove"])
@pytest.mark.parametrize(
    "key",
    [
        "",
        "ABC",
        "a.b",
        "a/b",
        "a\\b",
        "../a",
        "/a",
        "..",
        "a b",
        "a\n",
        "a\0",
        "é",
        "-a",
        "_a",
        "a" * 129,
        "con",
        "nul",
        "com1",
        "lpt9",
        "a:b",
        "\ud800",
        None,
        5,
        b"abc",
        Path("abc"),
    ],
)
def test_key_that_is_not_a_plain_name_is_refused(cache, name, key):
    values = (AUDIO,) if name == "put" else ()
    with pytest.raises(ValueError, match="is not a key") as caught:
        getattr(cache, name)(key, *values)
    assert str(caught.value) == (
        f"{key!r:.100} is not a key: a key has 1 to 128 lower-case letters, digits, '_' and '-', begins "
        "with a letter or digit, and is not a device name of Windows"
    )
    assert not cache.directory.exists()


@pytest.mark.parametrize("key", ["a", "0", "abc123", "a-b_c", "a" * 128, "console", "com10", KEY])
def test_plain_names_are_keys(cache, key):
    assert cache.put(key, AUDIO)
    assert cache.get(key) == AUDIO
    assert cache.size() == 1


def test_new_directory_gets_git_files(cache):
    cache.put(KEY, AUDIO)
    assert {name: (cache.directory / name).read_bytes() for name in GIT_FILES} == GIT_FILES


def test_existing_directory_gets_only_entries(cache):
    cache.directory.mkdir()
    cache.put(KEY, AUDIO)
    assert set(files_in(cache.directory)) == {f"{KEY}.audio", f"{KEY}.meta"}


def test_git_files_of_the_user_are_kept(cache):
    cache.put(KEY, AUDIO)
    (cache.directory / ".gitignore").write_bytes(b"*")
    (cache.directory / ".gitattributes").unlink()
    cache.put("other", AUDIO)
    cache.clear()
    assert files_in(cache.directory) == {".gitignore": b"*"}
