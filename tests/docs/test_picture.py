"""The picture of the README shows what the README's test prints today, and needs nothing from elsewhere."""

import importlib.util
import re
from xml.etree import ElementTree

import pytest

from support.page_blocks import ROOT

PICTURE = (ROOT / "docs" / "images" / "two-runs.svg").read_text("utf-8")
PAGES = {"README.md": "docs/images/two-runs.svg", "docs/index.md": "images/two-runs.svg"}
SPEECH = re.compile(r'(?<=id="speech" d=")[^"]+')


@pytest.fixture(scope="module")
def drawn():
    spec = importlib.util.spec_from_file_location("picture", ROOT / "tools" / "picture.py")
    picture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(picture)
    return picture.draw()


def test_picture_is_what_the_script_draws_today(drawn):
    assert SPEECH.sub("", drawn) == SPEECH.sub("", PICTURE), "draw it again: python tools/picture.py"


def test_sound_in_the_picture_is_the_speech_of_the_prompt(drawn):
    now, then = (
        [int(height) for height in re.findall(r"v(\d+)", SPEECH.search(each)[0])] for each in (drawn, PICTURE)
    )
    assert len(now) == len(then) == 48
    assert (
        max(abs(one - other) for one, other in zip(now, then, strict=True)) <= 2
    )  # roundings of a processor


def test_picture_is_small_and_whole_by_itself():
    assert len(PICTURE.encode()) < 40_000
    root = ElementTree.fromstring(PICTURE)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg",
        "title",
        "rect",
        "path",
        "text",
    }
    assert re.findall(r"https?://[^\"]+", PICTURE) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|@font-face", PICTURE)


def test_words_of_the_picture_stay_inside_it():
    root = ElementTree.fromstring(PICTURE)
    _, _, width, height = map(float, root.get("viewBox").split())
    words = [element for element in root if element.tag.endswith("text")]
    assert len(words) > 10
    for element in words:
        assert float(element.get("x")) + float(element.get("textLength")) <= width - 20, element.text
        assert float(element.get("y")) <= height - 12, element.text


@pytest.mark.parametrize("page", PAGES)
def test_page_shows_the_picture_and_says_it_in_words(page):
    alt, target = re.search(r"!\[([^\]]+)\]\(([^)]+)\)", (ROOT / page).read_text("utf-8")).groups()
    assert target == PAGES[page]
    for words in ("Turn on the kitchen light.", "two backend calls", "two hits"):
        assert words in alt
