"""A pytest run escapes and shortens every prompt, setting, reason and directory that it shows."""

import logging
import re

import pytest

from russo import Audio, AudioCache, cache_key
from russo._events import CacheMiss
from russo._flow.summary import Notes, summarize, total_of
from russo._hooks import make_manager, notify
from russo._store.entry import META_SUFFIX
from support.forged import HOSTILE, forge

NAME = HOSTILE.replace("\0", "").replace("/", "")
# pytest prints colour codes itself; no other control sequence may reach the terminal.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONFTEST = f"""
    HOSTILE = {HOSTILE!r}

    class Hostile(Speaker):
        @property
        def cache_key_extra(self):
            return {{"backend": HOSTILE, "voice": HOSTILE, HOSTILE: HOSTILE}}

        async def synthesize(self, text):
            if "fail" in text:
                raise ValueError(HOSTILE)
            return await super().synthesize(text)

    @pytest.fixture
    def russo_synthesizer():
        return Hostile()

    def pytest_russo_cache_miss(event):
        raise RuntimeError(HOSTILE * 1000)
"""
OWN = {"backend": HOSTILE, "voice": HOSTILE, HOSTILE: HOSTILE}


def assert_is_safe(text, longest=200_000):
    plain = COLOUR.sub("", text)
    raw = {character for character in plain if not character.isprintable() and character not in "\n"}
    assert not raw & set(HOSTILE), raw
    assert not [line for line in plain.split("\n") if line.lstrip().startswith("::")]
    assert len(text) < longest


@pytest.fixture
def hostile_project(project):
    """A project whose prompts, settings, directories and errors are hostile text."""
    project.conftest(CONFTEST)
    project.ini("russo_cache_dir = speech\nlog_level = DEBUG")
    project.tests(
        f"""
        HOSTILE = {HOSTILE!r}
        def test_it(russo_say): russo_say(HOSTILE)
        def test_other(russo_say): russo_say("other" + HOSTILE)
        """
    )
    return project


@pytest.mark.parametrize("mode", ["auto", "replay", "refresh", "off"])
@pytest.mark.parametrize("arguments", [[], ["-v", "-rA"], ["-v", "--russo-report=page.html", "--showlocals"]])
def test_run_shows_no_unescaped_text(hostile_project, mode, arguments):
    entries = hostile_project.path / "speech"
    key = cache_key(HOSTILE, OWN, None)
    forge(
        entries,
        "f" * 64,
        Audio(b"x" * 10, "pcm"),
        prompt=HOSTILE,
        fields={"own": {**OWN, "x" + HOSTILE: 1}, "given": None},
    )
    forge(entries, "e" * 64, Audio(b"x" * 10, "pcm"), prompt="unused", fields={"own": OWN, "given": None})
    forge(entries, key, Audio(b"x" * 10, "pcm"), format=HOSTILE)
    result = hostile_project.run(f"--russo-cache-mode={mode}", *arguments)
    outcomes = result.parseoutcomes()
    assert outcomes == ({"failed": 2} if mode == "replay" else {"passed": 2})
    # pytest shows locals and the prompt in the test's line as repr, which is safe.
    assert_is_safe(result.stdout.str() + result.stderr.str())
    page = hostile_project.path / "page.html"
    if page.exists():
        text = page.read_text("utf-8")
        assert "\x1b]0;PWNED" not in text
        assert "<script>::" not in text


def test_log_records_are_escaped(tmp_path, caplog):
    cache = AudioCache(tmp_path / NAME)
    cache.put("named", Audio(b"x", "pcm"))
    forge(cache.directory, "odd", Audio(b"x" * 10, "pcm"), format=HOSTILE, sample_rate=HOSTILE)
    with caplog.at_level(logging.DEBUG, "russo"):
        cache.get("odd")
        (cache.directory / f"named{META_SUFFIX}").write_bytes(
            b"<<<<<<< " + HOSTILE.encode("utf-8", "replace")
        )
        cache.get("named")
        AudioCache(tmp_path / NAME, read_only=True).put("new", Audio(b"x", "pcm"))
    assert len(caplog.records) == 3
    for record in caplog.records:
        assert record.getMessage().isprintable()
        assert len(record.getMessage()) < 1000


NUMBERS = {
    name: {f"{HOSTILE}{number}" * (1000 if number == 3 else 1): 1 for number in range(1000)}
    for name in (
        "layers", "hits_by", "backend_calls_by", "not_stored", "undeclared", "model_ends", "troubles", "speakers",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_summary_is_escaped_and_shortened(name, verbosity):
    lines = list(summarize(total_of([{name: NUMBERS[name]}]), verbosity=verbosity))
    assert all(line.isprintable() and line.startswith("russo: ") and len(line) <= 1000 for line in lines)
    assert len(lines) <= (7 if verbosity == 0 else 25)
    if len(lines) > 2:
        last = "16 more lines with -v" if verbosity == 0 else "and 980 more like the last line"
        assert lines[-1] == f"russo: {last}"


@pytest.mark.parametrize("verbosity", [0, 1])
def test_notes_of_a_summary_are_escaped_and_bounded(verbosity):
    many = [f"{HOSTILE}{number}" * 1000 for number in range(1000)]
    notes = Notes(setup=many[0], unseen=many[0], notices=many, other_settings=many[0], details=many)
    lines = list(summarize(total_of([]), notes, verbosity=verbosity))
    assert all(line.isprintable() and line.startswith("russo: ") and len(line) <= 1000 for line in lines)
    assert len(lines) == (7 if verbosity == 0 else 1 + 1 + 1 + 21 + 1 + 21)


class _Odd(Exception):
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    "error", [ValueError("x" * 10**6), _Odd(), type(f"E{NAME}", (Exception,), {})(HOSTILE)]
)
def test_errors_of_hooks_are_reported_escaped_and_shortened(error):
    from russo.hookspecs import hookimpl

    class Plugin:
        @hookimpl
        def russo_cache_miss(self, event):
            raise error

    event = CacheMiss(
        prompt="p",
        key="k",
        synthesizer="S",
        backend=None,
        fields={},
        declares_settings=True,
        nested=False,
        reason="absent",
    )
    manager = make_manager()
    manager.register(Plugin(), name="a" + HOSTILE)
    reports = []
    notify(manager, event, reports.append)
    assert len(reports) == 1
    assert reports[0].isprintable()
    assert len(reports[0]) < 1000
