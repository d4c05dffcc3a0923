"""The documentation site: built strictly and without network, and parsed as a browser would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
# A request for a host ends the build.
_BUILD = """
import socket, sys
def refuse(*args, **kwargs):
    raise SystemExit(f"the build asks for the network: {args}")
socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = refuse
from mkdocs.__main__ import cli
cli(sys.argv[1:])
"""


def build(directory: Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Build the site of a folder; a warning makes the exit code other than 0."""
    command = [sys.executable, "-c", _BUILD, "build", "--strict", "--site-dir", str(directory)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@dataclass
class Page(HTMLParser):
    """The anchors, links, loaded addresses and code texts of a built page.

    Attributes:
        path: Its file.
        ids: Every anchor.
        links: The targets of its links, as written.
        loads: The addresses that it loads: scripts, styles, pictures.
        codes: The text of every ``code`` element, stripped.
    """

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    _depth: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.html = self.path.read_text("utf-8")
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") in {"stylesheet", "icon", "preconnect", "prefetch"}:
            self.loads.append(values["href"])
        elif "src" in values:
            self.loads.append(values["src"])
        if tag == "code":
            self._depth += 1
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._depth -= 1
            self.codes[-1] = self.codes[-1].strip()

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.codes[-1] += data

    def part(self, anchor: str) -> str:
        """Return the text from an anchor's heading to the next heading of the same or a higher level."""
        start = re.search(rf'<h([1-6])[^>]*\bid="{re.escape(anchor)}"', self.html)
        assert start is not None, f"{self.path.name} has no part {anchor}"
        end = re.search(rf"<h[1-{start[1]}][ >]", self.html[start.end() :])
        html = self.html[start.end() : start.end() + end.start() if end else None]
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def read(directory: Path) -> dict[str, Page]:
    """Return the pages of a built site, by path."""
    return {str(path.relative_to(directory)): Page(path) for path in sorted(directory.rglob("*.html"))}


def broken_links(directory: Path, pages: dict[str, Page]) -> Iterator[str]:
    """Yield every address in the pages without a target, with its page."""
    for name, page in pages.items():
        for address in [*page.links, *page.loads]:
            parts = urlsplit(address)
            if parts.scheme:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            if not target.is_file():
                yield f"{name}: {address}"
            elif parts.fragment and target.suffix == ".html":
                other = pages.get(str(target.relative_to(directory.resolve())))
                if other is None or unquote(parts.fragment) not in other.ids:
                    yield f"{name}: {address}"
