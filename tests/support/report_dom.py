"""The report's page as a tree, parsed without running scripts."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img"}


class Element:
    """An element with its attributes and its children, which are elements and texts."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.children: list[Element | str] = []

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]

    def __contains__(self, attribute: str) -> bool:
        return attribute in self.attributes

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())

    def walk(self) -> Iterator[Element]:
        """Yield the elements inside, in document order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def all(self, selector: str) -> list[Element]:
        """Return the elements of a tag (``pre``), a class (``.test``) or an id (``#by-test``)."""
        return [each for each in self.walk() if each.matches(selector)]

    def one(self, selector: str) -> Element:
        (found,) = self.all(selector)
        return found

    def first(self, selector: str) -> Element:
        return self.all(selector)[0]

    def matches(self, selector: str) -> bool:
        if selector[0] == ".":
            return selector[1:] in self.classes
        if selector[0] == "#":
            return self.attributes.get("id") == selector[1:]
        return self.tag == selector


class Page(Element, HTMLParser):
    """A page; each element that is not empty must be closed."""

    def __init__(self, html: str) -> None:
        Element.__init__(self, "", {})
        HTMLParser.__init__(self)
        self.html = html
        self._open: list[Element] = [self]
        self.feed(html)
        self.close()
        assert self._open == [self]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value or "" for name, value in attributes})
        self._open[-1].children.append(element)
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        self._open[-1].children.append(data)
