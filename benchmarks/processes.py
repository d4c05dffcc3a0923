"""Processes: the cost of russo at the start of Python and of pytest, and in each test that uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from .entries import SIZES
from .figures import Figure, Place, differences, ratios, single
from .rounds import Spread, Subject, measure, spread

# Other installed plugins would only hide the cost of russo.
_ALONE: Final = [
    f"-pno:{name}" for name in ("asyncio", "anyio", "xdist", "hypothesispytest", "cacheprovider")
]
_CONFTEST: Final = f"""
import pytest
from russo.authoring import pcm_audio

class Speaker:
    cache_key_extra = {{"backend": "bench", "voice": "anna"}}

    async def synthesize(self, text):
        return pcm_audio(text.encode().ljust({SIZES["10 KB"]}, b"."), 24000)

@pytest.fixture(scope="session")
def russo_synthesizer():
    return Speaker()

@pytest.fixture
def plain():
    return b"audio"

@pytest.fixture
def plain_again():
    return b"audio"

# The cost of pytest itself for fixtures of the same shape as russo_audio.
@pytest.fixture(scope="session")
def shared():
    return "voice"

@pytest.fixture
def same_shape(request, shared):
    return request.node.get_closest_marker("russo").args[0]
"""
_TIMER: Final = """
import json, random, time

TOOK = {}

def pytest_collection_modifyitems(items):
    order = random.Random(len(items))
    items.sort(key=lambda item: (item.callspec.params["number"], order.random()))

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    start = time.perf_counter()
    result = yield
    TOOK.setdefault(item.originalname, []).append(time.perf_counter() - start)
    return result

def pytest_sessionfinish(session):
    (session.config.rootpath / "took.json").write_text(json.dumps(TOOK))
"""
# The kinds of test take turns, in another order at each number, so that other load slows all kinds.
_EACH_TEST: Final = """
import pytest

def pytest_generate_tests(metafunc):
    metafunc.parametrize("number", range({number}))

def test_plain(number, plain): assert plain

def test_plain_again(number, plain_again): assert plain_again

@pytest.mark.russo("Book a flight from Berlin to Rome")
def test_same_shape(number, same_shape): assert same_shape

@pytest.mark.russo("Book a flight from Berlin to Rome")
def test_russo_audio(number, russo_audio): assert russo_audio.data

def test_russo_say(number, russo_say): assert russo_say(f"Book flight {{number % 100}}").data
"""


def process(arguments: Sequence[str], directory: Path, **variables: str) -> Subject:
    """Make a subject of a Python process, from its start to its end.

    Args:
        arguments: The arguments of Python.
        directory: The working directory.
        variables: Further environment variables.
    """
    environment = os.environ | variables

    def run(number: int) -> float:
        start = time.perf_counter()
        for _ in range(number):
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=directory,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return time.perf_counter() - start

    return run


def start(place: Place) -> Iterator[Figure]:
    """Measure an interpreter with russo's imports over one without, and count the loaded modules."""
    directory = place.fresh("start")
    base = "python -c pass"
    imports = {
        "import russo": "import russo",
        "import AudioCache": "from russo import AudioCache",
        "import CachedSynthesizer": "from russo import AudioCache, CachedSynthesizer",
    }
    subjects = {base: process(["-c", "pass"], directory)}
    subjects |= {name: process(["-c", code], directory) for name, code in imports.items()}
    rounds = measure(subjects, base=base, seconds=3 * place.seconds, block=0)
    yield from differences("start", "process", rounds, base, list(imports))
    yield single("start", "third-party modules", "process", "", float(len(_foreign_modules(directory))))


def _foreign_modules(directory: Path) -> list[str]:
    code = (
        "import sys; before = set(sys.modules); import russo; "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} "
        "- set(sys.stdlib_module_names) - {'russo', 'pluggy'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def pytest_start(place: Place) -> Iterator[Figure]:
    """Measure a pytest run of one test: with russo disabled, installed but unused, and used for one hit.

    Unused is measured again with Python writing no byte code, as in many containers: then the plugin is
    compiled at each start.
    """
    project = place.fresh("pytest")
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_unused.py").write_text("def test_it(): pass\n")
    (project / "used").mkdir()
    (project / "used" / "conftest.py").write_text(_CONFTEST)
    (project / "used" / "test_used.py").write_text("def test_it(russo_say): assert russo_say('Hello').data\n")
    base = "-p no:russo"
    common = ["-m", "pytest", "-q", *_ALONE]
    for subject, path, times, variables in (
        ("russo unused", "test_unused.py", 10, {}),
        ("russo unused, no byte code", "test_unused.py", 5, {"PYTHONDONTWRITEBYTECODE": "1"}),
        ("russo used", "used/test_used.py", 3, {}),
    ):
        without = process([*common, "-pno:russo", "test_unused.py"], project, **variables)
        subjects = {base: without, subject: process([*common, path], project, **variables)}
        rounds = measure(subjects, base=base, seconds=times * place.seconds, block=0)
        yield from ratios("pytest", "one test", rounds, base, [subject])


def fixture(place: Place) -> Iterator[Figure]:
    """Measure the cost of the fixtures per test, in one run in which plain tests and others take turns."""
    number = 2_000
    project = place.fresh("fixture")
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "conftest.py").write_text(_CONFTEST + _TIMER)
    (project / "test_it.py").write_text(_EACH_TEST.format(number=number))
    run = process(["-m", "pytest", "-q", *_ALONE], project)
    run(1)  # synthesizes and stores
    run(1)
    took = json.loads((project / "took.json").read_text("utf-8"))
    plain = took["test_plain"]
    noise = _over(took["test_plain_again"], plain)
    for name in ("plain_again", "same_shape", "russo_audio", "russo_say"):
        tests = took[f"test_{name}"]
        value = _over(tests, plain)
        yield Figure("fixture", name, f"{number:,} tests", "µs", value, "plain", spread(tests).median, noise)


def _over(tests: Sequence[float], plain: Sequence[float]) -> Spread:
    added = [one - two for one, two in zip(tests, plain, strict=True)]
    return spread(added, min(tests) - min(plain)).scaled(1e6)
