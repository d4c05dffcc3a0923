"""Finds the fenced blocks of a page and their commands, and compares outputs with the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
_CONTAINER = re.compile(r"( *)(?:===\+?|!!!|\?\?\?\+?) ")
_FAILS = re.compile(r"#\s*fails\s*$")
_FILE_NAME = re.compile(r"`([^`]+)`:")


class PageError(AssertionError):
    """A fact on a page is wrong; the message begins with the file and the line."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, file name, text, and the line of the page where its text begins.

    The file name is the paragraph before the block, if the paragraph is only the name and a colon.
    """

    language: str
    title: str | None
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command line, the output that the page shows (``None``: not compared), and its line in the page."""

    text: str
    expected: list[str] | None
    line: int

    @property
    def fails(self) -> bool:
        return _FAILS.search(self.text) is not None


def blocks(text: str, page: Path) -> list[Block]:
    """Return the fenced blocks of a page.

    Raises:
        PageError: A block is indented instead of fenced, so it would not run.
    """
    found = []
    tokens = MarkdownIt().parse(_without_containers(text))
    for number, token in enumerate(tokens):
        if token.map is None:
            continue
        line = token.map[0] + 1
        if token.type == "code_block":
            raise PageError(f"{place(page, line)}: a block by indentation; fence it and name its language")
        if token.type == "fence":
            language, _, rest = token.info.strip().partition(" ")
            before = tokens[number - 2].content if tokens[number - 1].type == "paragraph_close" else ""
            title = _FILE_NAME.fullmatch(before)
            if "title=" in rest:
                problem = "GitHub and PyPI show no title: write the file name as a paragraph, `name`:, before the block"
                raise PageError(f"{place(page, line + 1)}: {problem}")
            found.append(Block(language, title and title[1], token.content, line + 1))
    return found


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block, each with the output that follows it."""
    command: list[str] = []
    output: list[str] = []
    line, goes_on = block.line, False
    for number, text in enumerate(block.text.splitlines(), block.line):
        if goes_on or text.startswith("$ "):
            if not goes_on:
                if command:
                    yield Command("\n".join(command), output or None, line)
                command, output, line = [], [], number
            command.append(text.removeprefix("$ ") if not goes_on else text.removeprefix("> "))
            goes_on = text.endswith("\\")
        else:
            output.append(text)
    if command:
        yield Command("\n".join(command), output or None, line)


def matches(expected: list[str], seen: str) -> bool:
    """Return whether an output matches the page, where ``...`` stands for omitted text."""
    parts = []
    for line in _stripped("\n".join(expected)):
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.split("...")) + r"\n")
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in _stripped(seen))) is not None


def place(page: Path, line: int) -> str:
    return f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page}:{line}"


def _without_containers(text: str) -> str:
    """Remove the indentation of tabs and admonitions, so that CommonMark finds their blocks, too."""
    lines = text.splitlines()
    if (
        lines[:1] == ["---"] and "---" in lines[1:]
    ):  # front matter is blanked, so that line numbers stay the same
        end = lines.index("---", 1)
        lines[: end + 1] = [""] * (end + 1)
    for number, line in enumerate(lines):
        opening = _CONTAINER.match(line)
        if opening is None:
            continue
        inside, lines[number] = f"{opening[1]}    ", ""
        for later in range(number + 1, len(lines)):
            if lines[later].strip() and not lines[later].startswith(inside):
                break
            lines[later] = lines[later].replace("    ", "", 1)
    return "\n".join(lines) + "\n"


def _stripped(text: str) -> list[str]:
    """Return the lines without blanks at their ends, and without empty lines around them."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]
