"""Runs the pages of the documentation: the blocks of one page run in order in one fresh directory.

The treatment of each fenced block, from the top of the page to its end:

* with a file name (a paragraph `` `test_light.py`: `` before it): written to that file. A workflow of GitHub
  (``.github/workflows/*.yml``) or GitLab (``.gitlab-ci.yml``) is also read, and its commands are run;
* ``console``: each line that begins with ``$ `` is a command for ``sh`` in a shell of its own, run in the
  directory; a line that ends with ``\\`` continues on the next. It must exit with 0, or with another code
  if it ends with ``# fails``. The lines after it are its whole output: ``...`` alone on a line stands for any
  lines, ``...`` within a line for any text. Without output lines nothing is compared;
* ``python``: run as a script, warnings are errors;
* ``toml``, ``ini``, ``yaml``, ``json``: must parse;
* ``text``: prose, not checked.

Some commands are checked instead of run:

* ``pip install``: each package, in the command or in a file of the page (``-r``), must be a distribution or an
  extra of this repository, a requirement of one of them in an allowed version, or in ``requirements-dev.txt``;
* ``make``: the target must exist;
* creating and activating an environment: not checked.

``$ export NAME=VALUE`` and ``$ unset NAME`` hold for the rest of the page. The only keys are those that a page
exports. There is no network: `vendors.Vendors` answers for the vendors' hosts. ``/mnt/team-speech``, the folder that
the machines of a page share, is a folder beside the page's directory. If a page begins with ``start: FOLDER``, it
runs in a copy of that folder; the README of an example runs in a copy of its own folder.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.page_blocks import ROOT, Block, Command, PageError, blocks, commands, matches, place
from support.surroundings import is_foreign
from support.vendors import Vendors

_SECONDS = 300
_NO_NETWORK = "http://127.0.0.1:9"  # no server listens on the port of the discard protocol
_FOREIGN = ("PIP_", "GIT_")
_SHARED_FOLDER = "/mnt/team-speech"
_PLUGINS = ("hypothesispytest", "anyio", "time_machine")
_ENVIRONMENT = re.compile(r"python3? -m venv \S+|(?:\.|source) \S+/bin/activate")
_LEFT_BEHIND = shutil.ignore_patterns(
    ".russo_cache", ".pytest_cache", ".venv", "__pycache__", "*.egg-info", "dist"
)


def pages() -> list[Path]:
    """Return every page that is run."""
    readmes = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("russo-*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
    return [*sorted((ROOT / "docs").rglob("*.md")), *sorted(readmes)]


def run_page(page: Path, directory: Path) -> None:
    """Run a page in a directory that does not exist yet.

    Raises:
        PageError: A block does not do what the page says.
    """
    text = page.read_text("utf-8")
    start = _start(page, text)
    if start is None:
        directory.mkdir()
    else:
        shutil.copytree(start, directory, ignore=_LEFT_BEHIND)
    home = directory.with_name(f"{directory.name}-home")
    home.mkdir()
    text = text.replace(_SHARED_FOLDER, str(home / "team-speech"))
    with Vendors(home / "vendors.pem") as vendors:
        _PageRun(page, directory, _environment(home, text) | vendors.environment).run(blocks(text, page))


class _PageRun:
    """A run of one page: its directory, and the environment that its commands change."""

    def __init__(self, page: Path, directory: Path, environment: dict[str, str]) -> None:
        self._page = page
        self._directory = directory
        self._environment = environment

    def run(self, story: list[Block]) -> None:
        for block in story:
            if block.title:
                self._write(block)
            elif block.language == "console":
                if not block.text.startswith("$ "):
                    raise self._error(block.line, "a console block begins with `$ ` and a command")
                for command in commands(block):
                    self._command(command)
            elif block.language == "python":
                self._script(block)
            elif block.language in _PARSERS:
                self._parse(block, block.language)
            elif block.language != "text":
                raise self._error(block.line, f"no runner for the language {block.language!r} of this block")

    def _error(self, line: int, problem: str) -> PageError:
        return PageError(f"{place(self._page, line)}: {problem}")

    def _write(self, block: Block) -> None:
        assert block.title is not None
        path = (self._directory / block.title).resolve()
        if not path.is_relative_to(self._directory.resolve()):
            raise self._error(block.line, f"{block.title} is outside of the page's directory")
        if block.language in _PARSERS:
            self._parse(block, block.language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, "utf-8")
        if block.title.startswith(".github/workflows/"):
            self._workflow(block, _steps_of_github)
        elif block.title == ".gitlab-ci.yml":
            self._workflow(block, _steps_of_gitlab)

    def _parse(self, block: Block, language: str) -> None:
        try:
            _PARSERS[language](block.text)
        except (ValueError, configparser.Error, yaml.YAMLError) as error:
            raise self._error(block.line, f"this is not {language}: {error}") from error

    def _script(self, block: Block) -> None:
        command = [sys.executable, "-W", "error", "-c", block.text]
        code, seen = self._process(command, block.line)
        if code:
            raise self._error(block.line, f"the script fails ({code}):\n{seen}")

    def _workflow(
        self, block: Block, steps: Callable[[object], Iterator[tuple[str, Mapping[str, str]]]]
    ) -> None:
        lines = 0
        for script, environment in steps(yaml.safe_load(block.text)):
            for text in re.sub(r"\\\n\s*", "", script).splitlines():
                if not text.strip() or text.lstrip().startswith("#"):
                    continue
                if "${{" in text:
                    raise self._error(block.line, f"only GitHub can run this line: {text}")
                lines += 1
                self._command(Command(text, None, block.line), environment)
        if not lines:
            raise self._error(block.line, "a workflow without a command")

    def _command(self, command: Command, environment: Mapping[str, str] | None = None) -> None:
        text = command.text.replace("\\\n", "").strip()
        if exported := re.fullmatch(r"export (\w+)=(.*?)(?:\s+#.*)?", text):
            self._environment[exported[1]] = "".join(shlex.split(exported[2]))
        elif unset := re.fullmatch(r"unset (\w+)", text):
            self._environment.pop(unset[1], None)
        elif re.match(r"(python3? -m )?pip install ", text):
            self._installs(command, text)
        elif text.startswith("make "):
            self._makes(command, text)
        elif not _ENVIRONMENT.fullmatch(text):
            self._run(command, environment)

    def _run(self, command: Command, environment: Mapping[str, str] | None) -> None:
        if re.match(r"git clone|docker |pip |curl |wget ", command.text):
            raise self._error(command.line, f"needs a network, which the tests do not have: {command.text}")
        code, seen = self._process(["sh", "-c", command.text], command.line, environment)
        if bool(code) != command.fails:
            what = "succeeds, and the page says that it fails" if command.fails else f"fails ({code})"
            raise self._error(command.line, f"`{command.text}` {what}:\n{seen}")
        if command.expected is not None and not matches(command.expected, seen):
            shown = "\n".join(command.expected)
            raise self._error(
                command.line, f"`{command.text}` prints something else.\nexpected:\n{shown}\nseen:\n{seen}"
            )

    def _process(
        self, command: list[str], line: int, environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        try:
            done = subprocess.run(
                command,
                cwd=self._directory,
                env={**self._environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._error(line, f"`{command[-1]}` runs longer than {_SECONDS} s") from error
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def _installs(self, command: Command, text: str) -> None:
        words = iter(shlex.split(text, comments=True))
        assert "install" in words  # another command follows
        for word in words:
            if word in {"-U", "--upgrade", "-q"}:
                continue
            if word in {"-r", "--requirement"}:
                self._requires(command, next(words))
                continue
            path = next(words) if word in {"-e", "--editable"} else word
            if path.startswith((".", "/", "examples/", "dist/")):
                if (
                    word != path
                    and not (self._directory / path.partition("[")[0] / "pyproject.toml").is_file()
                ):
                    raise self._error(command.line, f"there is no package in {path}: {text}")
            elif path.startswith("-") or not _is_known(path):
                raise self._error(command.line, f"{path!r} is not a package of this repository: {text}")

    def _requires(self, command: Command, name: str) -> None:
        path = self._directory / name
        if not path.is_file():
            raise self._error(command.line, f"the page writes no file {name}")
        for line in path.read_text("utf-8").splitlines():
            text = line.partition("#")[0].strip()
            if text and not _is_known(text):
                raise self._error(command.line, f"{text!r} in {name} is not a package of this repository")

    def _makes(self, command: Command, text: str) -> None:
        words = [*shlex.split(text, comments=True), "-n"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise self._error(command.line, f"`{text}`: {done.stderr}")


def _start(page: Path, text: str) -> Path | None:
    """Return the folder whose copy a page starts in."""
    if page.name == "README.md" and page.parent.parent == ROOT / "examples":
        return page.parent
    first = re.match(r"(?:---\n)?start: (\S+)\n", text)
    return None if first is None else ROOT / first[1]


def _environment(home: Path, text: str) -> dict[str, str]:
    """Return an environment without keys, settings or network, in which ``python`` is this interpreter.

    pytest loads none of the slow plugins that the text of the page does not name.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (is_foreign(name) or name.startswith(_FOREIGN))
    }
    return {
        **kept,
        **dict.fromkeys(("HTTP_PROXY", "http_proxy"), _NO_NETWORK),
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Each process of a run imports its plugins, which takes longer than the rest of its start.
        "PYTEST_ADDOPTS": " ".join(f"-p no:{name}" for name in _PLUGINS if name not in text),
        # pytest-asyncio, if installed, prints this warning at the head of every run.
        "PYTHONWARNINGS": 'ignore:The configuration option "asyncio_default_fixture_loop_scope"',
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_NAME": "you" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "you@example.org" for who in ("AUTHOR", "COMMITTER")},
    }


def _is_known(text: str) -> bool:
    """Return whether a requirement is a package of this repository, with its extras, or one of its requirements."""
    requirement = Requirement(text)
    name = canonicalize_name(requirement.name)
    needed: list[Requirement] = []
    for path in [*ROOT.glob("russo-*/pyproject.toml"), *ROOT.glob("examples/*/pyproject.toml")]:
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        if name == canonicalize_name(project["name"]):
            return requirement.extras <= set(project.get("optional-dependencies", {}))
        needed += map(Requirement, project["dependencies"])
    pins = [pin.version for pin in requirement.specifier if pin.operator == "=="]
    for other in needed:
        if name == canonicalize_name(other.name) and all(map(other.specifier.contains, pins)):
            return True
    lines = (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    others = [Requirement(line) for line in lines if line[:1].isalpha()]
    return name in {canonicalize_name(other.name) for other in others}


def _steps_of_github(workflow: object) -> Iterator[tuple[str, Mapping[str, str]]]:
    assert isinstance(workflow, dict)
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                environment = {**workflow.get("env", {}), **job.get("env", {}), **step.get("env", {})}
                yield step["run"], _plain(environment)
            elif "@" not in step["uses"]:
                raise PageError(f"the step {step['uses']} names no version")


def _steps_of_gitlab(workflow: object) -> Iterator[tuple[str, Mapping[str, str]]]:
    assert isinstance(workflow, dict)
    jobs = [job for job in workflow.values() if isinstance(job, dict) and "script" in job]
    for job in jobs:
        environment = _plain({**workflow.get("variables", {}), **job.get("variables", {})})
        before = job.get("before_script", workflow.get("before_script", []))
        for line in [*before, *job["script"]]:
            yield line, environment


def _plain(environment: Mapping[str, object]) -> dict[str, str]:
    """Return the variables with a value in the page, without those from the service's secrets."""
    return {name: str(value) for name, value in environment.items() if "$" not in str(value)}


_PARSERS: dict[str, Callable[[str], object]] = {
    "toml": tomllib.loads,
    "ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(text),
    "yaml": yaml.safe_load,
    "json": json.loads,
    "jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
}
