"""Ledgers list the keys a project used and are stored beside the entries; any other file is refused."""

import hashlib
import json
import os
import time
import tracemalloc

import pytest

from russo import AudioCache
from russo._store.ledger import LEDGERS, Ledger, LedgerError, Project, read_ledgers, write_ledger
from support.speakers import sound

A, B, C = (digit * 64 for digit in "abc")
HERE = Project("..", "pytest.ini", ("unit", "voice"), "f00d")


@pytest.fixture
def ledger(tmp_path):
    """Write a ledger and return its path."""
    write_ledger(tmp_path, Ledger(HERE, frozenset({A, B}), frozenset({C})))
    return tmp_path / LEDGERS / HERE.name


def seal(body):
    """Append the digest that makes the ledger valid."""
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def problem_of(path):
    """Return the problem of an unreadable ledger."""
    ledgers, problems = read_ledgers(path.parents[1])
    assert path.name not in ledgers
    return problems[path.name]


def test_ledger_is_read_back_unchanged(tmp_path, ledger):
    there = Project("../päckage \n\udcff", options="")
    write_ledger(tmp_path, Ledger(there))
    found, problems = read_ledgers(tmp_path)
    assert problems == {}
    assert found == {
        ledger.name: Ledger(HERE, frozenset({A, B}), frozenset({C})),
        there.name: Ledger(there),
    }


def test_each_part_of_a_project_changes_the_ledger_name():
    projects = [
        HERE,
        Project("../b", "pytest.ini", ("unit", "voice"), "f00d"),
        Project("..", "unit.ini", ("unit", "voice"), "f00d"),
        Project("..", "pytest.ini", ("unit",), "f00d"),
        Project("..", "pytest.ini", ("unit", "voice"), ""),
    ]
    assert len({project.name for project in projects}) == len(projects)


def test_missing_cache_directory_has_no_ledgers(tmp_path):
    assert read_ledgers(tmp_path / "nothing") == ({}, {})
    with pytest.raises(LedgerError, match="cannot be written"):
        write_ledger(tmp_path / "nothing", Ledger(HERE))
    assert not (tmp_path / "nothing").exists()


def test_git_ignores_ledgers_even_with_an_older_gitignore(pytester, ledger):
    pytester.run("git", "init", "-q", str(ledger.parents[1]))
    result = pytester.run("git", "-C", str(ledger.parents[1]), "status", "--porcelain", "-uall")
    assert result.ret == 0
    assert result.outlines == []


def test_unchanged_ledger_is_not_written_again(tmp_path, ledger):
    os.utime(ledger, (1, 1))
    write_ledger(tmp_path, Ledger(HERE, frozenset({A, B}), frozenset({C})))
    assert ledger.stat().st_mtime == 1
    write_ledger(tmp_path, Ledger(HERE, frozenset({A}), frozenset({C})))
    assert ledger.stat().st_mtime > 1
    assert sorted(path.name for path in ledger.parent.iterdir()) == [".gitignore", ledger.name]


# -- damage


HEAD = b"russo ledger 1\n" + json.dumps(["..", "pytest.ini", ["unit", "voice"], "f00d"]).encode() + b"\n"


def test_broken_ledgers_start_with_a_valid_header(ledger):
    ledger.write_bytes(seal(HEAD))
    assert read_ledgers(ledger.parents[1])[0][ledger.name] == Ledger(HERE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{}",
        HEAD,
        seal(b""),
        seal(HEAD.replace(b"ledger 1", b"ledger 2")),
        seal(HEAD) + b"x",
        seal(HEAD)[:-1],
        seal(HEAD + b"+" + b"A" * 64 + b"\n"),
        seal(HEAD + b"+" + b"a" * 63 + b"\n"),
        seal(HEAD + b"*" + b"a" * 64 + b"\n"),
        seal(HEAD + b"+" + b"a" * 64),
        seal(HEAD + b"\r\n"),
        seal(b"russo ledger 1\n"),
        seal(b"russo ledger 1\n" + b"[" * 10_000 + b"\n"),
        seal(b"russo ledger 1\n" + b" " * 100_000 + b'["..","",[],""]\n'),
        seal(b'russo ledger 1\n["..","pytest.ini",[1],"f00d"]\n'),
        seal(b'russo ledger 1\n["..","pytest.ini",null,"f00d"]\n'),
        seal(b'russo ledger 1\n{"rootdir":".."}\n'),
        seal(b"russo ledger 1\n7\n"),
        seal(b"russo ledger 1\n\xff\n"),
        seal(b'russo ledger 1\n["../other","pytest.ini",["unit","voice"],"f00d"]\n'),
    ],
    ids=lambda content: repr(content[:40]),
)
def test_any_damage_makes_a_ledger_unreadable(ledger, content):
    ledger.write_bytes(content)
    assert problem_of(ledger)


def test_every_lost_byte_and_every_cut_makes_a_ledger_unreadable(ledger):
    whole = ledger.read_bytes()
    for place in range(0, len(whole), 7):
        ledger.write_bytes(whole[:place])
        assert problem_of(ledger)
        ledger.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert problem_of(ledger)


@pytest.mark.parametrize("kind", ["link", "dangling link", "directory", "fifo", "unreadable"])
def test_ledger_that_is_not_a_regular_file_is_unreadable_and_replaced(tmp_path, ledger, kind):
    content, outside = ledger.read_bytes(), tmp_path / "outside"
    ledger.unlink()
    if kind == "link":
        outside.write_bytes(content)
        ledger.symlink_to(outside)
    elif kind == "dangling link":
        ledger.symlink_to(outside)
    elif kind == "directory":
        ledger.mkdir()
    elif kind == "fifo":
        os.mkfifo(ledger)
    else:
        ledger.write_bytes(b"x" * (17 * 1024 * 1024))
    assert problem_of(ledger)
    write_ledger(tmp_path, Ledger(HERE, frozenset({A, B}), frozenset({C})))
    assert ledger.read_bytes() == content
    assert not ledger.is_symlink()
    assert not outside.exists() or outside.read_bytes() == content


@pytest.mark.parametrize("kind", ["link", "file"])
def test_ledgers_are_not_written_if_their_folder_is_a_link_or_a_file(tmp_path, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cache = tmp_path / "cache"
    cache.mkdir()
    if kind == "link":
        (cache / LEDGERS).symlink_to(elsewhere, target_is_directory=True)
    else:
        (cache / LEDGERS).write_text("mine")
    with pytest.raises(LedgerError, match="not a folder that russo made"):
        read_ledgers(cache)
    with pytest.raises(LedgerError, match="not a folder that russo made"):
        write_ledger(cache, Ledger(HERE))
    AudioCache(cache).clear()
    assert list(elsewhere.iterdir()) == []
    assert (cache / LEDGERS).exists()


# -- bounds


def test_too_many_ledgers_are_an_error(tmp_path):
    for number in range(100):
        write_ledger(tmp_path, Ledger(Project(f"../{number}")))
    with pytest.raises(LedgerError, match="has 100 ledgers or more"):
        write_ledger(tmp_path, Ledger(Project("../one more")))
    write_ledger(tmp_path, Ledger(Project("../7"), frozenset({A})))
    assert len(read_ledgers(tmp_path)[0]) == 100
    (tmp_path / LEDGERS / ("0" * 32 + ".ledger")).touch()
    with pytest.raises(LedgerError, match="has 100 ledgers or more"):
        read_ledgers(tmp_path)


def test_ledger_that_would_be_unreadable_is_not_written(tmp_path, ledger):
    before = ledger.read_bytes()
    for wrong in (Ledger(HERE, frozenset({"short"})), Ledger(Project("x" * 20_000))):
        with pytest.raises(LedgerError):
            write_ledger(tmp_path, wrong)
    assert ledger.read_bytes() == before
    assert len(list(ledger.parent.glob("*.ledger"))) == 1


def test_total_size_of_all_ledgers_is_bounded(tmp_path, ledger):
    name = Project("../big").name
    (ledger.parent / name).write_bytes(b"\n" * (16 * 1024 * 1024 - 10))
    with pytest.raises(LedgerError, match="more than 16 MiB"):
        write_ledger(tmp_path, Ledger(HERE, frozenset({A})))
    tracemalloc.start()
    _, problems = read_ledgers(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert name in problems
    assert most < 100 * 1024 * 1024


def test_ten_thousand_keys_take_less_than_a_second_of_cpu_time(tmp_path):
    keys = frozenset(f"{number:064x}" for number in range(10_000))
    began = time.process_time()
    write_ledger(tmp_path, Ledger(HERE, keys))
    assert read_ledgers(tmp_path)[0][HERE.name].used == keys
    assert time.process_time() - began < 1


def test_total_size_read_from_large_ledgers_is_bounded(tmp_path, ledger):
    for number in range(5):
        (ledger.parent / Project(str(number)).name).write_bytes(b"\n" * (6 * 1024 * 1024))
    _, problems = read_ledgers(tmp_path)
    assert [("bytes" in problem) for problem in problems.values()].count(
        True
    ) >= 3  # refused because of their size


# -- clearing


def test_next_writer_removes_temporary_files_of_dead_writers(tmp_path, ledger):
    old, young, foreign = (
        ledger.with_name(name)
        for name in (
            ".ledger.1-0123456789abcdef.russo-tmp",
            ".ledger.2-0123456789abcdef.russo-tmp",
            ".notes.tmp",
        )
    )
    for path in (old, young, foreign):
        path.write_bytes(b"part")
    for path in (old, foreign):
        os.utime(path, (time.time() - 7200,) * 2)
    write_ledger(tmp_path, Ledger(HERE, frozenset({A})))
    assert sorted(os.listdir(ledger.parent)) == sorted([".gitignore", foreign.name, young.name, ledger.name])


def test_clear_removes_only_ledgers(tmp_path, ledger):
    cache = AudioCache(tmp_path)
    cache.put(A, sound("Hello"))
    folder = ledger.parent
    leftover = folder / ".ledger.1-0123456789abcdef.russo-tmp"
    leftover.touch()
    (folder / "mine.txt").write_text("mine")
    assert cache.size() == cache.clear() == 1
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    (folder / "mine.txt").unlink()
    cache.clear()
    assert not folder.exists()


def test_clear_keeps_a_gitignore_that_a_user_changed(tmp_path, ledger):
    (ledger.parent / ".gitignore").write_text("*\n!kept\n")
    AudioCache(tmp_path).clear()
    assert [path.name for path in ledger.parent.iterdir()] == [".gitignore"]


def test_a_ledger_is_not_an_entry(tmp_path, ledger):
    assert AudioCache(tmp_path).size() == 0
    assert list(AudioCache(tmp_path).stored_keys()) == []


# -- projects


@pytest.mark.parametrize(
    ("project", "exists"),
    [
        (Project("../p", "pytest.ini"), True),
        (Project("../p"), True),
        (Project("../p", "gone.ini"), False),
        (Project("../gone"), False),
        (Project("../p/pytest.ini"), False),
        (Project("\0"), False),
        (Project("../p", "x" * 5_000), True),  # the name is too long for the file system
    ],
)
def test_a_project_exists_if_its_folder_and_ini_file_do(tmp_path, project, exists):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pytest.ini").touch()
    (tmp_path / "cache").mkdir()
    assert project.exists(tmp_path / "cache") is exists
