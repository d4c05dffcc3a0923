"""How the page of a report looks in a real browser: hostile texts, contrast, narrow windows, print, no scripts."""

import base64
import re

import pytest

from support.chromium import needs_chromium

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By

from support.report_browser import (
    one,
    shown,
    wait,
    write,
)
from support.report_documents import HOSTILE, hostile_run, long_run, red_run

pytestmark = needs_chromium


def test_hostile_texts_are_text(opened, tmp_path):
    page = opened(write(tmp_path, hostile_run()))
    texts = page.execute_script(
        "return [...document.querySelectorAll('.use .prompt')].map((each) => each.textContent)"
    )
    seen = [
        text.replace("\x00", "\u2400").replace("\x1b", "\u241b").replace("\r", "\u240d") for text in HOSTILE
    ]
    assert set(texts) == {text.encode("utf-8", "backslashreplace").decode() for text in seen}
    inside = "main :is(script, style, iframe, object, link, meta, base)"
    assert page.find_elements(By.CSS_SELECTOR, inside) == []
    one(page, "#open-all").click()
    assert len(page.find_elements(By.CSS_SELECTOR, "main img")) == len(HOSTILE)
    one(page, "#search").send_keys("احجز رحلة")
    assert len(shown(page)) == 1
    directions = "return [...document.querySelectorAll('.use .prompt')].filter((p) => getComputedStyle(p).direction === 'rtl').length"
    assert page.execute_script(directions) == 2


CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const low = new Set();
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility() || element.closest('.away, noscript')) continue;
  let back = element;
  while (back && (rgb(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0) back = back.parentElement;
  const pair = [light(rgb(getComputedStyle(element).color)), light(rgb(getComputedStyle(back).backgroundColor))];
  const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (ratio < 4.5) low.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
}
return [...low];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("make", [red_run, hostile_run])
def test_page_is_readable_and_fits_the_window(opened, tmp_path, scheme, width, make):
    page = opened(write(tmp_path, make()))
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    try:
        background = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (int(re.search(r"\d+", background).group()) > 128) == (scheme == "light")
        one(page, "#open-all").click()
        page.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        page.execute_script(
            "document.querySelectorAll('.body, .card').forEach((each) => { each.style.contentVisibility = 'visible'; })"
        )
        for view in ("test", "prompt"):
            page.execute_script("arguments[0].click()", one(page, f"#tab-{view}"))
            wait(page, lambda _, view=view: one(page, f"#by-{view}").is_displayed())
            assert page.execute_script("return document.documentElement.scrollWidth") <= width
            assert page.execute_script(CONTRAST) == []
            assert page.execute_script(CUT) == []
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# Text that leaves its test is cut off, unless it is in a part with its own scroll bar.
CUT = """
const scroll = '.traceback pre, .scroll, .chip';
return [...document.querySelectorAll('.item *')].filter((each) => {
  const item = each.closest('.item');
  return each.checkVisibility() && !each.closest(scroll) && each.getBoundingClientRect().right > item.getBoundingClientRect().right + 1;
}).map((each) => each.outerHTML.slice(0, 80));
"""


def colors(page, selector):
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => getComputedStyle(each).color)"
    return set(page.execute_script(script, selector))


def test_no_text_in_a_failed_test_is_green_and_no_text_in_a_passed_test_is_red(page):
    one(page, "#open-all").click()
    (green,) = colors(page, "#by-test .outcome.passed")
    (red,) = colors(page, "#by-test .outcome.failed")
    assert green not in colors(page, ".test.failed, .test.failed *")
    assert red not in colors(page, ".test.passed, .test.passed *")
    pink = "return [...document.querySelectorAll('.test.passed *')].map((each) => getComputedStyle(each).backgroundColor)"
    alarm = "return getComputedStyle(document.querySelector('.test.failed .problem')).backgroundColor"
    assert page.execute_script(alarm) not in page.execute_script(pink)


def test_print_shows_what_is_open_and_no_controls(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for selector in (".tools", ".tabs", ".play", ".tool", ".foot"):
            assert not one(page, selector).is_displayed()
        assert one(page, ".message").is_displayed()
        assert one(page, ".wave").is_displayed()
        pdf = base64.b64decode(page.print_page())
        assert pdf.startswith(b"%PDF")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_print_opens_folded_tests_and_folds_them_again(page):
    folded = "return [...document.querySelectorAll('.test, .quiet')].map((each) => each.open)"
    before = page.execute_script(folded)
    assert {True, False} == set(before)
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert set(page.execute_script(folded)) == {True}
    waves = "return [...document.querySelectorAll('#by-test .sound')].every((each) => each.querySelector('.wave'))"
    assert page.execute_script(waves)
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script(folded) == before


def test_many_prompts_are_printed_at_once(opened, tmp_path):
    page = opened(write(tmp_path, long_run(prompts=100)))
    start = page.execute_script("return performance.now()")
    page.execute_script("dispatchEvent(new Event('beforeprint')); document.body.offsetHeight")
    took = page.execute_script("return performance.now()") - start
    assert took < 10_000
    assert page.execute_script("return document.querySelectorAll('#by-test .play').length") == 100


def test_page_without_scripts_shows_both_views_and_native_players(browser, address):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get("about:blank")
        browser.get(address)
        assert one(browser, "#by-prompt .card").is_displayed()
        assert not one(browser, ".tools").is_displayed()
        players = browser.find_elements(By.CSS_SELECTOR, "audio[controls]")
        assert len(players) == 5
        assert all(player.is_displayed() for player in players)
        link = one(browser, ".use .sound noscript a")
        assert one(browser, link.get_attribute("href").partition("/report.html")[2]).tag_name == "noscript"
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
