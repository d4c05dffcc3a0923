"""Entries can be committed: equal puts give equal bytes, and every checkout or copy is a whole cache."""

import json
import os
import shutil
import stat
import subprocess
import tarfile
import time
import zipfile

import pytest

from russo import Audio, AudioCache
from russo._store.cache import Miss
from support.torture_audio import make_audio
from support.torture_work import wait_until

TEXTS = {
    "lines": b"a\nb\nc\n" * 100,
    "windows": b"a\r\nb\r\n" * 100,
    "mixed": b"a\nb\r\nc\rd\n\n" * 100,
    "ident": b"$Id$ $Revision$\n" * 10,
    "bom": b"\xef\xbb\xbfa\nb\n",
    "binary": bytes(range(256)) * 4,
}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 4444\n"


def fill(directory):
    """Put twelve entries, half of which look like text; return their audio."""
    cache = AudioCache(directory)
    audios = {name: Audio(data, "pcm", 8000) for name, data in TEXTS.items()}
    audios |= {f"k{number}": make_audio(f"k{number}", number, number) for number in range(6)}
    for key, audio in audios.items():
        assert cache.put(
            key, audio, prompt=f"Zeile eins\nZeile zwei … {key}", fields={"voice": "ä", "n": [1, 2]}
        )
    return audios


def assert_full(directory, audios):
    cache = AudioCache(directory, read_only=True)
    for key, audio in audios.items():
        found = cache.lookup(key)
        assert found == audio, f"{key}: {found}"
    assert cache.size() == len(audios)


def files(directory):
    return {
        path.name: path.read_bytes() for path in directory.iterdir() if path.suffix in (".audio", ".meta")
    }


def test_same_put_makes_the_same_bytes(children, tmp_path, monkeypatch):
    prompts = ["eins", "zwei", "日本"]
    for number, hash_seed in enumerate(("0", "1", "random")):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        monkeypatch.setenv("TZ", ("UTC", "Asia/Tokyo", "America/Lima")[number])
        children.run("store", directory=tmp_path / str(number), prompts=prompts)
    first = files(tmp_path / "0")
    assert len(first) == 6
    assert first == files(tmp_path / "1") == files(tmp_path / "2")
    cache = AudioCache(tmp_path / "0")
    now = time.time()
    wait_until(lambda: int(time.time()) > int(now), what="the next second")
    children.run("store", directory=cache.directory, prompts=prompts)
    assert files(tmp_path / "0") == first


def test_metadata_is_sorted_readable_and_without_times(cache):
    fill(cache.directory)
    for path in cache.directory.glob("*.meta"):
        text = path.read_text("utf-8")
        meta = json.loads(text)
        assert list(meta) == sorted(meta)
        assert text.endswith("}\n")
        assert text.count("\n") > 10, "one field per line"
        assert "…" in text, "the text is not escaped"
        assert not [name for name in meta if "time" in name or "date" in name]
        assert path.with_suffix(".audio").stat().st_size == meta["size"]


@pytest.fixture
def git(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def run(folder, *arguments):
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        options = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "safe.directory=*")
        done = subprocess.run(
            ["git", *options, *arguments],
            cwd=folder,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["core.autocrlf=true"],
        ["core.autocrlf=input"],
        ["core.eol=crlf"],
        ["core.autocrlf=true", "core.safecrlf=true"],
    ],
    ids=lambda settings: " ".join(settings) or "plain",
)
@pytest.mark.parametrize("committer", [[], ["core.autocrlf=true"]], ids=["from-unix", "from-windows"])
def test_git_checkout_is_a_full_cache(tmp_path, git, settings, committer):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "-q")
    for setting in committer:
        git(origin, "config", *setting.split("="))
    audios = fill(origin / "tests" / "recordings")
    assert (origin / "tests" / "recordings" / ".gitattributes").exists()
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "recordings")
    assert_full(origin / "tests" / "recordings", audios)
    options = [word for setting in settings for word in ("-c", setting)]
    git(tmp_path, *options, "clone", "-q", str(origin), str(clone))
    for setting in settings:
        git(clone, "config", *setting.split("="))
    assert_full(clone / "tests" / "recordings", audios)
    assert git(clone, "status", "--porcelain") == ""
    assert fill(clone / "tests" / "recordings") == audios
    assert git(clone, "status", "--porcelain") == "", "the same put again changed a file"
    (clone / "tests" / "recordings" / ".russo-locks").mkdir(exist_ok=True)
    (clone / "tests" / "recordings" / ".russo-locks" / "k.lock").touch()
    (clone / "tests" / "recordings" / ".k.1-0123456789abcdef.russo-tmp").touch()
    assert git(clone, "status", "--porcelain") == "", "git must ignore locks and temporary files"


def test_checkout_without_attributes_is_exact_or_a_miss(tmp_path, git):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    (origin / "cache").mkdir(parents=True)  # a directory that russo did not create
    git(origin, "init", "-q")
    audios = fill(origin / "cache")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "recordings")
    git(tmp_path, "-c", "core.autocrlf=true", "clone", "-q", str(origin), str(clone))
    cache = AudioCache(clone / "cache")
    for key, audio in audios.items():
        assert cache.get(key) in (audio, None)
    assert cache.get("k0") == audios["k0"], "metadata with other line ends must stay valid"
    assert cache.get("lines") is None, "git changed these bytes"


def test_large_file_pointer_is_a_miss(cache):
    audios = fill(cache.directory)
    for path in cache.directory.glob("*.audio"):
        path.write_bytes(POINTER)
    for key in audios:
        found = cache.lookup(key)
        assert isinstance(found, Miss)
        assert found.damaged


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_modes_follow_the_umask(tmp_path, restored_umask, umask):
    os.umask(umask)
    cache = AudioCache(tmp_path / "above" / "cache")
    fill(cache.directory)
    for path in cache.directory.iterdir():
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        assert stat.S_IMODE(path.stat().st_mode) == expected, path.name
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o777 & ~umask


def _by_copy(source, target):
    shutil.copytree(source, target, copy_function=shutil.copyfile)


def _by_links(source, target):
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).symlink_to(path)


def _by_hard_links(source, target):
    shutil.copytree(source, target, copy_function=os.link)


def _by_zip(source, target):
    with zipfile.ZipFile(target.with_suffix(".zip"), "w") as archive:
        for path in source.iterdir():
            if path.is_file():
                archive.writestr(path.name, path.read_bytes())
    with zipfile.ZipFile(target.with_suffix(".zip")) as archive:
        archive.extractall(target)


def _by_tar(source, target):
    with tarfile.open(target.with_suffix(".tar"), "w") as archive:
        for path in source.iterdir():
            if path.is_file():
                member = archive.gettarinfo(path, path.name)
                member.mtime, member.mode = 0, 0o444
                with path.open("rb") as file:
                    archive.addfile(member, file)
    with tarfile.open(target.with_suffix(".tar")) as archive:
        archive.extractall(target, filter="data")


def _by_moving(source, target):
    shutil.move(source, target)


@pytest.mark.parametrize(
    "copy",
    [_by_copy, _by_links, _by_hard_links, _by_zip, _by_tar, _by_moving],
    ids=lambda copy: copy.__name__,
)
def test_copies_are_full_caches(tmp_path, copy):
    audios = fill(tmp_path / "cache")
    copy(tmp_path / "cache", tmp_path / "copy")
    if copy is not _by_links:
        assert_full(tmp_path / "copy", audios)
    else:
        assert all(AudioCache(tmp_path / "copy").get(key) == audio for key, audio in audios.items())


def test_put_into_a_hard_linked_copy_changes_no_other_copy(tmp_path):
    audios = fill(tmp_path / "cache")
    _by_hard_links(tmp_path / "cache", tmp_path / "copy")
    assert AudioCache(tmp_path / "copy").put("k0", make_audio("k0", 9, 9))
    assert_full(tmp_path / "cache", audios)
