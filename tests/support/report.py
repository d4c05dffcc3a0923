"""A run with ``--russo-report``, and its page, parsed without running scripts."""

import base64
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img"}


class ReportPage(HTMLParser):
    """The page's cards and texts, parsed without running scripts."""

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.cards = []
        self.text = ""
        self.policy = ""
        self._open = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self._open.append((tag, values))
        if values.get("class") == "card":
            self.cards.append({"state": values["data-state"], "backend": values["data-backend"], "tests": []})
        if tag == "audio":
            self.cards[-1]["audio"] = values.get("src")
            self.cards[-1]["same"] = values.get("data-same")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "path" and values.get("id", "").startswith("wave-"):
            self.cards[-1]["wave"] = values["d"]
        if values.get("class", "").startswith("outcome"):
            self.cards[-1]["tests"].append([])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        self.text += data
        tag, values = self._open[-1] if self._open else ("", {})
        kind = (values.get("class") or "").split(" ")[0]
        if tag == "h3":
            self.cards[-1]["prompt"] = self.cards[-1].get("prompt", "") + data
        elif kind in {"problem", "note"}:
            self.cards[-1].setdefault(kind, data)
        elif kind in {"outcome", "how"} or (tag == "bdi" and self._open[-2][1].get("class") == "name"):
            self.cards[-1]["tests"][-1].append(data)

    def card(self, prompt):
        (card,) = (card for card in self.cards if card["prompt"] == prompt)
        return card


def run_with_report(project, *args, **options):
    """Run the project's tests with a report, and read it."""
    result = project.run("--russo-report=report.html", *args, **options)
    return result, ReportPage((project.path / "report.html").read_text("utf-8"))


def decode_audio(card):
    """Return the media type and the bytes of a card's audio."""
    kind, _, data = card["audio"].partition(";base64,")
    return kind, base64.b64decode(data)
