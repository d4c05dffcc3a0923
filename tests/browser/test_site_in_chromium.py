"""The documentation site in a real browser, opened from disk: every page, the search, both color schemes."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.chromium import needs_chromium, requested, start

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def site(built):
    directory, done = built
    assert (directory / "index.html").is_file(), done.stderr
    return directory


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    yield from start(tmp_path_factory.mktemp("chromium"))


@pytest.fixture
def browser(chromium, site):
    """A browser at the first page; asserts at the end that no script failed and no other host was requested."""
    chromium.set_window_size(1280, 900)
    for log in ("browser", "performance"):
        chromium.get_log(log)
    chromium.get((site / "index.html").as_uri())
    yield chromium
    assert [entry for entry in chromium.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}] == []
    asked = set(requested(chromium))
    assert any(address.endswith("index.html") for address in asked)
    assert {
        address for address in asked if urlsplit(address).scheme not in {"file", "data", "blob", "about"}
    } == set()


def wait(browser, condition):
    return WebDriverWait(browser, 20, poll_frequency=0.02).until(condition)


def shown_pages(browser):
    """Return the address of every page in the menu."""
    links = "[...document.querySelectorAll('.md-nav--primary a.md-nav__link[href]')].map(link => link.href)"
    return {address.partition("#")[0] for address in browser.execute_script(f"return {links}")}


def test_every_page_of_the_menu_opens_from_disk(browser, site):
    pages = shown_pages(browser)
    written = {path.as_uri() for path in site.rglob("*.html") if path.name != "404.html"}
    for page in sorted(pages):
        browser.get(page)
        heading = browser.find_element(By.CSS_SELECTOR, "article h1")
        assert heading.text.strip("¶ "), page
        pages |= shown_pages(browser)
    assert pages == written


def test_search_finds_the_fields_of_a_key_and_links_to_their_page(browser, site):
    browser.find_element(By.CSS_SELECTOR, "label.md-search__icon, .md-search__input").click()
    field = browser.find_element(By.CSS_SELECTOR, "input.md-search__input")
    field.send_keys("cache_key_extra")
    results = wait(browser, lambda _: browser.find_elements(By.CSS_SELECTOR, "a.md-search-result__link"))
    addresses = [result.get_property("href") for result in results]
    assert any("/reference/" in address for address in addresses)
    wait(browser, lambda _: results[0].is_displayed())
    results[0].click()
    wait(browser, lambda _: not browser.current_url.endswith("/index.html"))
    path = Path(unquote(urlsplit(browser.current_url).path))
    assert path.is_relative_to(site)
    assert "cache_key_extra" in browser.find_element(By.TAG_NAME, "article").text


def test_search_without_results_says_so(browser):
    browser.find_element(By.CSS_SELECTOR, ".md-search__input").send_keys("hovercraft")
    meta = browser.find_element(By.CSS_SELECTOR, ".md-search-result__meta")
    wait(browser, lambda _: meta.text == "No matching documents")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(
    "page",
    ["index", "reference/pytest", "reference/caching", "reference/command-line", "explanation/architecture"],
)
def test_page_fits_the_window_and_follows_the_color_scheme(browser, site, page, width, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    try:
        browser.get((site / f"{page}.html").as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (int(background.partition("(")[2].partition(",")[0]) > 128) == (scheme == "light")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize(
    ("page", "words"), [("index", "two hits"), ("explanation/architecture", "single flight")]
)
def test_picture_is_shown_and_described(browser, site, page, words):
    browser.get((site / f"{page}.html").as_uri())
    picture = browser.find_element(By.CSS_SELECTOR, "article img")
    assert wait(browser, lambda _: picture.get_property("naturalWidth"))
    assert words in picture.get_attribute("alt")


def test_words_of_each_picture_are_inside_the_picture(browser, site):
    outside = """
        const frame = document.documentElement.getBoundingClientRect();
        const inside = box => box.left >= frame.left && box.top >= frame.top
            && box.right <= frame.right && box.bottom <= frame.bottom;
        return [...document.querySelectorAll("text")]
            .filter(each => !inside(each.getBoundingClientRect())).map(each => each.textContent);
    """
    for picture in sorted((site / "images").glob("*.svg")):
        browser.get(picture.as_uri())
        assert browser.execute_script("return document.documentElement.tagName") == "svg"
        assert browser.execute_script(outside) == [], picture.name
    browser.get((site / "index.html").as_uri())


def test_states_of_a_turn_are_drawn_in_both_color_schemes(browser, site):
    browser.get((site / "explanation" / "agents.html").as_uri())
    picture = browser.find_element(By.CSS_SELECTOR, "article img[src$='turn.svg']")
    for scheme in ("default", "slate"):
        browser.execute_script(f"document.body.setAttribute('data-md-color-scheme', '{scheme}')")
        wait(browser, lambda _: picture.get_property("complete"))
        assert picture.get_property("naturalWidth") > 0
        assert picture.get_property("alt").startswith("The states of a turn.")
        assert picture.size["width"] <= browser.find_element(By.TAG_NAME, "article").size["width"]
    browser.get((site / "index.html").as_uri())
