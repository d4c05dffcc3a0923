"""Draw docs/images/two-runs.svg: the README's test, run twice, with what the two runs really print.

    python tools/picture.py

The text comes from the README's files, the outputs from two pytest runs, and the sound from the audio that
the first run stores. How long a run took is left out, so the same code draws the same picture.
"""

import os
import re
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "two-runs.svg"
RUNS = (
    ("The first run calls the backend and stores the audio", "pytest -q --russo-synth=local"),
    (
        "Every later run replays it: no network, no key",
        "pytest -q --russo-synth=local --russo-cache-mode=replay",
    ),
)

_WIDTH, _COLUMNS = 800, 69  # pixels of the picture, columns of the terminal in it
_BARS = 48
_FONT = 'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"'
_PANEL, _EDGE, _TEXT, _FAINT, _GREEN, _BLUE = "#12212a", "#4f6b78", "#e6edf0", "#9fb3bd", "#7bd88f", "#6cc7f0"


def files_of(page: Path) -> dict[str, str]:
    """Return the named files of a page: the blocks after a paragraph that is a name and a colon."""
    blocks = re.findall(
        r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return dict(blocks)


def example(files: dict[str, str]) -> tuple[str, str]:
    """Return the prompt of the first test, and the call that the test expects of the agent."""
    test = files["test_agent.py"]
    prompt = re.search(r'russo_say\("(.+)"\)', test)
    call = re.search(r"tools\.(\w+)\.assert_called_once_with\((.+)\)", test)
    if not prompt or not call:
        sys.exit("the README's test has another form: change tools/picture.py with it")
    return prompt[1], f"{call[1]}({call[2]})"


def run(command: str, directory: Path) -> list[str]:
    """Run a pytest command in the directory; return its lines without the time that it took."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RUSSO_", "PYTEST_"))
    }
    environment |= {"COLUMNS": str(_COLUMNS), "PYTHONWARNINGS": "ignore", "PY_COLORS": "0"}
    arguments = [sys.executable, "-m", *command.split(), "-p", "no:cacheprovider"]
    done = subprocess.run(
        arguments, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n`{command}` failed")
    return re.sub(r" in [\d.]+s$", "", done.stdout.strip(), flags=re.MULTILINE).splitlines()


def loudness(path: Path) -> list[int]:
    """Return the height of each bar of the sound, in pixels."""
    with wave.open(str(path)) as file:
        samples = array("h", file.readframes(file.getnframes()))
    size = len(samples) // _BARS
    peaks = [max(map(abs, samples[bar * size : (bar + 1) * size])) for bar in range(_BARS)]
    return [max(2, round(44 * peak / max(peaks))) for peak in peaks]


def text(x: float, y: float, words: str, *, size: float, colour: str = _TEXT, bold: bool = False) -> str:
    """Return a line of text, as wide as its number of letters in every font of equal widths."""
    width = len(words) * size * 0.6
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{colour}"{weight} '
        f'textLength="{width:.0f}" lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'
    )


def way(prompt: str, call: str, bars: list[int]) -> Iterator[str]:
    """Draw the upper part: from the prompt by the speech to the agent's call."""
    for x, width, label, words in (
        (24, 252, "the test says", f'"{prompt}"'),
        (486, 290, "the agent calls", call),
    ):
        yield text(x, 40, label, size=13, colour=_FAINT)
        yield f'<rect x="{x}" y="52" width="{width}" height="46" rx="8" fill="none" stroke="{_EDGE}"/>'
        size = min(14, (width - 20) / len(words) / 0.6)
        yield text(x + (width - len(words) * size * 0.6) / 2, 80, words, size=size)
    yield text(313, 40, "speech", size=13, colour=_FAINT)
    for x in (282, 456):
        yield f'<path d="M{x} 75h18m-6-5l6 5l-6 5" fill="none" stroke="{_FAINT}" stroke-width="2"/>'
    path = "".join(
        f"M{313 + 2.8 * number:.1f} {75 - height / 2:g}v{height}" for number, height in enumerate(bars)
    )
    yield f'<path id="speech" d="{path}" stroke="{_BLUE}" stroke-width="1.8"/>'


def terminal(runs: list[tuple[str, str, list[str]]]) -> Iterator[str]:
    """Draw the lower part: each run's command and what it prints."""
    y = 138
    for title, command, lines in runs:
        yield f'<path d="M24 {y - 22}H776" stroke="{_EDGE}" stroke-opacity="0.6"/>'
        yield text(24, y + 6, title, size=13, colour=_FAINT)
        y += 34
        yield text(24, y, f"$ {command}", size=18, bold=True)
        for line in lines:
            y += 26
            colour = _BLUE if line.startswith("russo:") else _GREEN if "passed" in line else _TEXT
            for part in re.finditer(r"\S+(?: \S+)*", line):  # an SVG text has no two spaces in a row
                yield text(24 + part.start() * 10.8, y, part[0], size=18, colour=colour)
        y += 42


def draw() -> str:
    """Run the README's test twice and return the picture of it."""
    files = files_of(ROOT / "README.md")
    prompt, call = example(files)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for file in ("agent.py", "test_agent.py"):
            (directory / file).write_text(files[file], "utf-8")
        runs = [(title, command, run(command, directory)) for title, command in RUNS]
        sound = directory / "speech.wav"
        say = [sys.executable, "-m", "russo", "say", prompt, "--synth", "local", "-o", str(sound)]
        subprocess.run(say, cwd=directory, check=True, capture_output=True)
        bars = loudness(sound)
    height = 138 + sum(34 + 26 * len(lines) + 42 for _, _, lines in runs) - 20
    frame = f'width="{_WIDTH - 1}" height="{height - 1}" rx="12" fill="{_PANEL}" stroke="{_EDGE}"'
    body = "\n".join([*way(prompt, call, bars), *terminal(runs)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT} role="img">\n'
        f"<title>The same test, run twice: synthesized, then replayed</title>\n"
        f'<rect x="0.5" y="0.5" {frame}/>\n'
        f"{body}\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
