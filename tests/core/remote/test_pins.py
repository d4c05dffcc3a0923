"""``russo.lock``: its form, what it accepts, and updates by several processes."""

import os
import subprocess
import sys
import threading

import pytest

from russo import Audio
from russo._remote.pins import LockFile, Pin, after_update, lines_of
from russo._settings import SettingsError

KEYS = [f"{number:064x}" for number in range(1, 20)]
HOSTILE = 'say "hi" \\ \x1b[31m\r\n\u202eabc\u2028\ud800 ünï 你好 👋'


def pin(text, prompt=None):
    return Pin.of(Audio(text.encode(), "pcm"), text if prompt is None else prompt)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "russo.lock"


@pytest.fixture
def lock(path):
    return LockFile(path)


def refusal(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError) as caught:
        LockFile(path)
    return str(caught.value).removeprefix(str(path))


# -- the form


def test_file_has_a_sorted_line_for_each_prompt(lock, path):
    lock.update({KEYS[1]: pin("two"), KEYS[0]: pin("one")})
    header, one, two = path.read_text().splitlines()
    assert header.startswith("# russo.lock 1: ")
    assert one == f'{KEYS[0]} sha256:{pin("one").digest} 3 pcm/24000/1/2 "one"'
    assert two == f'{KEYS[1]} sha256:{pin("two").digest} 3 pcm/24000/1/2 "two"'


def test_what_was_written_is_read_again(lock, path):
    pins = {KEYS[0]: pin("one", ""), KEYS[1]: pin("two", HOSTILE), KEYS[2]: pin("x" * 500)}
    lock.update(pins)
    assert LockFile(path).pins == pins


def test_hostile_prompt_is_one_printable_line(lock, path):
    lock.update({KEYS[0]: pin("one", HOSTILE)})
    _, line, rest = path.read_bytes().decode().split("\n")
    assert rest == ""
    assert line.isprintable()
    assert "你好 👋" in line


def test_hostile_prompt_of_another_person_is_made_safe(path):
    path.write_bytes(
        f'{KEYS[0]} sha256:{pin("one").digest} 3 pcm/24000/1/2 "\\u001b[31m\\u202e\\ud800 {"x" * 99}"\n'.encode()
    )
    lock = LockFile(path)
    prompt = lock.pins[KEYS[0]].prompt
    assert prompt.startswith("\\x1b[31m\\u202e\\ud800 xx")
    assert prompt.isprintable()
    assert len(prompt) == 60
    lock.update({KEYS[1]: pin("two")})  # the line is written again
    assert LockFile(path).pins[KEYS[0]].prompt == prompt


@pytest.mark.parametrize("prompt", ["", ' "unclosed', " 'single'", ' {"a": 1}', ' "a" "b"', ' "\\x"'])
def test_text_after_a_pin_is_a_prompt_or_refused(path, prompt):
    line = f"{KEYS[0]} sha256:{pin('one').digest} 3 pcm/24000/1/2{prompt}\n"
    if prompt.startswith((' "unclosed', " '", " {")):
        assert "line 1: not a pin" in refusal(path, line)
    else:
        path.write_text(line)
        assert LockFile(path).pins[KEYS[0]].digest == pin("one").digest


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.removesuffix(b"\n"),
        lambda data: b"\n# a comment\n" + data,
        lambda data: b"".join(reversed(data.splitlines(keepends=True))),
    ],
    ids=["CRLF", "BOM", "no final newline", "comment", "not sorted"],
)
def test_other_forms_are_read_and_not_rewritten_without_a_change(path, change):
    pins = {KEYS[0]: pin("one"), KEYS[1]: pin("two")}
    data = change("".join(lines_of(pins)).encode())
    path.write_bytes(data)
    lock = LockFile(path)
    assert lock.pins == pins
    lock.update({KEYS[0]: pin("one")})
    assert path.read_bytes() == data
    lock.update({KEYS[2]: pin("three")})
    assert path.read_bytes() == "".join(lines_of({**pins, KEYS[2]: pin("three")})).encode()


def test_ten_thousand_lines_are_read_and_written(lock, path):
    pins = {
        f"{number:064x}": Pin(f"{number:064x}", 1, "pcm/24000/1/2", f"Prompt {number}")
        for number in range(1, 10_001)
    }
    lock.update(pins)
    assert LockFile(path).pins == pins
    assert path.read_bytes().count(b"\n") == 10_001


# -- what is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# russo.lock 2: x\n", ", line 1: a newer russo wrote this file"),
        ("\n<<<<<<< HEAD\n", ", line 2: a merge conflict; keep the lines of both sides"),
        ("=======\n", ", line 1: a merge conflict"),
        (">>>>>>> main\n", ", line 1: a merge conflict"),
        ("||||||| base\n", ", line 1: a merge conflict"),
        ("hello \x1b[31m\n", ", line 1: not a pin: 'hello \\x1b[31m'; restore the line"),
        (f"{KEYS[0]} sha256:abc 3 pcm/24000/1/2\n", ", line 1: not a pin"),
        (f"CON sha256:{'a' * 64} 3 pcm/24000/1/2\n", ", line 1: not a pin"),
        (f"con sha256:{'a' * 64} 3 pcm/24000/1/2\n", ", line 1: not a pin"),
        (f"a sha256:{'a' * 64} 0 pcm/24000/1/2\n", ", line 1: not a pin"),
        (
            f"a sha256:{'a' * 64} 3 pcm/24000/1/2\na sha256:{'b' * 64} 3 pcm/24000/1/2\n",
            ", line 2: key a is pinned twice",
        ),
        (f"a sha256:{'a' * 64} 3\n", ", line 1: not a pin"),
        (f"a sha256:{'a' * 64} 3 pcm/24000/1\n", ", line 1: not a pin"),
        (
            f"a sha256:{'a' * 64} 3 pcm/24000/1/2\na sha256:{'a' * 64} 3 pcm/8000/1/2\n",
            ", line 2: key a is pinned twice",
        ),
        (b"\xff\xfe", " is not a lock file of russo: it is not UTF-8"),
    ],
)
def test_invalid_file_is_refused_with_the_line(path, content, message):
    assert message in refusal(path, content).replace("\\\\", "\\")


def test_same_line_twice_is_one_pin(path):
    path.write_text(f"a sha256:{'a' * 64} 3 pcm/24000/1/2\n" * 2)
    assert LockFile(path).pins == {"a": Pin("a" * 64, 3, "pcm/24000/1/2")}


def test_folder_in_its_place_is_refused(path):
    path.mkdir()
    with pytest.raises(SettingsError, match="is not a lock file of russo"):
        LockFile(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such device")
def test_link_to_an_endless_device_is_refused(path):
    path.symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="is not a lock file of russo"):
        LockFile(path)


def test_link_is_replaced_and_never_followed(tmp_path, path):
    (tmp_path / "other").write_text("")
    path.symlink_to("other")
    LockFile(path).update({KEYS[0]: pin("one")})
    assert (tmp_path / "other").read_text() == ""
    assert LockFile(path).pins == {KEYS[0]: pin("one")}


# -- updates


def test_no_pins_make_no_file(lock, path):
    lock.update({})
    assert not path.exists()
    assert not lock.exists


def test_pins_are_replaced_and_removed(lock, path):
    lock.update({KEYS[0]: pin("one"), KEYS[1]: pin("two"), KEYS[2]: pin("three")})
    lock.update({KEYS[0]: pin("other")}, remove=[KEYS[1], "absent"])
    assert LockFile(path).pins == lock.pins == {KEYS[0]: pin("other"), KEYS[2]: pin("three")}


def test_pin_without_a_prompt_keeps_the_prompt_of_its_line():
    before = {KEYS[0]: pin("one", "One")}
    after = after_update(before, {KEYS[0]: pin("other", ""), KEYS[1]: pin("two", "")})
    assert (after[KEYS[0]].prompt, after[KEYS[1]].prompt) == ("One", "")
    assert after[KEYS[0]].digest == pin("other").digest


def test_update_keeps_pins_that_another_process_added(lock, path):
    LockFile(path).update({KEYS[0]: pin("one")})
    lock.update({KEYS[1]: pin("two")})
    assert lock.pins == LockFile(path).pins == {KEYS[0]: pin("one"), KEYS[1]: pin("two")}


def test_update_of_a_file_that_became_invalid_changes_nothing(lock, path):
    lock.update({KEYS[0]: pin("one")})
    path.write_text("<<<<<<< HEAD\n")
    with pytest.raises(SettingsError, match="a merge conflict"):
        lock.update({KEYS[1]: pin("two")})
    assert path.read_text() == "<<<<<<< HEAD\n"
    assert lock.pins == {KEYS[0]: pin("one")}


def test_reader_never_misses_a_pin_during_an_update(lock):
    lock.update({KEYS[0]: pin("one")})
    missing, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            if lock.pin_of(KEYS[0]) is None:
                missing.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        lock.update({KEYS[1]: pin(f"take {number}")})
    stop.set()
    reader.join(60)
    assert missing == []


ADD = """
import sys
from pathlib import Path
from russo import Audio
from russo._remote.pins import LockFile, Pin

lock = LockFile(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(25):
    lock.update({f"{sys.argv[2]}-{number}": Pin.of(Audio(b"x", "pcm"), "prompt")})
"""


def test_processes_that_update_at_once_lose_no_pin(path):
    started = [
        subprocess.Popen([sys.executable, "-c", ADD, str(path), f"p{number}"], stdin=subprocess.PIPE)
        for number in range(4)
    ]
    for each in started:
        each.stdin.write(b"\n")
        each.stdin.flush()
    for each in started:
        each.communicate(timeout=120)
        assert each.returncode == 0
    assert len(LockFile(path).pins) == 100
    assert os.listdir(path.parent) == ["russo.lock"]


# -- git


def git(folder, *arguments, code=0):
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.autocrlf=false")
    done = subprocess.run(
        ["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path, path):
    """A repository whose lock file has the keys 10, 20 … 90."""
    git(tmp_path, "init", "-q", "-b", "main")
    LockFile(path).update({f"{number:064}": pin(f"prompt {number}") for number in range(10, 100, 10)})
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "start")
    return tmp_path


def add_on_branch(repository, branch, pins):
    git(repository, "checkout", "-q", "-b", branch, "main")
    LockFile(repository / "russo.lock").update(pins)
    git(repository, "commit", "-qam", branch)


def test_branches_that_add_prompts_are_merged_by_git(repository, path):
    add_on_branch(repository, "one", {f"{15:064}": pin("one")})
    add_on_branch(repository, "two", {f"{75:064}": pin("two")})
    git(repository, "merge", "-q", "one")
    merged = LockFile(path).pins
    assert len(merged) == 11
    assert path.read_text() == "".join(lines_of(merged))


def test_conflict_of_neighbouring_prompts_is_named_and_resolved_by_keeping_both_lines(repository, path):
    add_on_branch(repository, "one", {f"{14:064}": pin("one")})
    add_on_branch(repository, "two", {f"{16:064}": pin("two")})
    git(repository, "merge", "-q", "one", code=1)
    with pytest.raises(SettingsError, match="line 3: a merge conflict; keep the lines of both sides"):
        LockFile(path)
    kept = [line for line in path.read_text().splitlines() if not line.startswith(("<<<", "===", ">>>"))]
    path.write_text("\n".join(kept))
    assert len(LockFile(path).pins) == 11


def test_union_merge_of_neighbouring_prompts_needs_no_hand(repository, path):
    (repository / ".git" / "info" / "attributes").write_text("russo.lock merge=union\n")
    add_on_branch(repository, "one", {f"{14:064}": pin("one")})
    add_on_branch(repository, "two", {f"{16:064}": pin("two")})
    git(repository, "merge", "-q", "one")
    assert len(LockFile(path).pins) == 11


def test_two_takes_of_one_prompt_are_named_after_a_union_merge(repository, path):
    (repository / ".git" / "info" / "attributes").write_text("russo.lock merge=union\n")
    add_on_branch(repository, "one", {f"{20:064}": pin("one take", "prompt 20")})
    add_on_branch(repository, "two", {f"{20:064}": pin("other take", "prompt 20")})
    git(repository, "merge", "-q", "one")
    with pytest.raises(
        SettingsError, match=r"is pinned twice, to different audio \('prompt 20'\); delete one"
    ):
        LockFile(path)
