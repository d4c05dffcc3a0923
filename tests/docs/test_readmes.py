"""The first pages that people see are whole where they see them: on PyPI, on GitHub, on the site."""

import re

import pytest
from readme_renderer import markdown

from support.page_blocks import ROOT, blocks
from support.pages import pages

READMES = [page for page in pages() if page.name == "README.md"]
PUBLISHED = [page for page in READMES if page.parent.name.startswith("russo-") and page.parent.parent == ROOT]
HOME = ROOT / "docs" / "index.md"
FIRST = [*READMES, HOME, *sorted((ROOT / "docs" / "tutorial").glob("*.md"))]
SAME = [ROOT / "README.md", ROOT / "russo-core" / "README.md", HOME]


def named(pages):
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


def rendered(page):
    """Return the page as PyPI shows it."""
    html = markdown.render(page.read_text("utf-8"))
    assert html
    return html


def section(page, heading):
    """Return a section's text, without the targets of links between pages."""
    text = page.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.sub(r"\[([^\]]+)\]\((?!https:)[^)]+\)", r"\1", text)


def test_every_distribution_and_example_has_a_readme():
    distributions = {path.parent for path in ROOT.glob("russo-*/pyproject.toml")}
    examples = {path for path in (ROOT / "examples").iterdir() if path.is_dir() and any(path.glob("*.*"))}
    assert len(distributions) == 7
    assert {page.parent for page in PUBLISHED} == distributions
    assert {page.parent for page in READMES} == {ROOT} | distributions | examples


@pytest.mark.parametrize("page", named(FIRST))
def test_file_name_is_shown_before_its_block_on_pypi_too(page):
    html = rendered(page)
    files = [block.title for block in blocks(page.read_text("utf-8"), page) if block.title]
    assert re.findall(r"<p><code>([^<]+)</code>:</p>\s*<pre", html) == files


@pytest.mark.parametrize("page", named(FIRST))
def test_code_fits_80_columns(page):
    lines = [line for block in blocks(page.read_text("utf-8"), page) for line in block.text.splitlines()]
    assert lines
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize("page", named(PUBLISHED))
def test_page_on_pypi_has_no_relative_link_or_picture(page):
    targets = re.findall(r' (?:href|src)="([^"#][^"]*)"', rendered(page))
    assert [target for target in targets if not target.startswith("https://")] == []


@pytest.mark.parametrize(
    "heading",
    [
        "Why not 20 lines of your own?",
        "Beside other tools",
        "Install",
        "A test",
        "A test of an agent",
        "Share speech across machines",
    ],
)
def test_repository_pypi_and_site_say_the_same(heading):
    repository, pypi, site = (section(page, heading) for page in SAME)
    assert repository == pypi == site


@pytest.mark.parametrize("page", named([*SAME[1:], ROOT / "russo-agents" / "README.md"]))
def test_flags_mean_the_same_on_each_page(page):
    flags = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `--russo-")]
    assert len(flags) >= 5
    assert [line for line in flags if line not in SAME[0].read_text("utf-8")] == []


def test_each_difference_from_own_code_links_to_its_page():
    text = (
        (ROOT / "README.md").read_text("utf-8").split("## Why not 20 lines of your own?")[1].split("## ")[0]
    )
    rows = re.findall(r"^\| (?!-|with )(.+) \|$", text, re.MULTILINE)
    assert len(rows) >= 5
    assert [row for row in rows if not re.search(r"\]\(docs/[\w./#-]+\)", row.split(" | ")[1])] == []


@pytest.mark.parametrize("page", named(SAME))
def test_page_says_which_package_to_install(page):
    text = " ".join(page.read_text("utf-8").split())
    assert "The package `russo` on PyPI is version 0.3 of an earlier project" in text
    assert text.index("`russo-core`") < text.index("pip install")
