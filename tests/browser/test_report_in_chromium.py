"""The page of `--russo-report` in a real browser: opened from disk, audio, filters, keyboard."""

import re
import subprocess
import sys
from textwrap import dedent

import pytest

from support.chromium import needs_chromium, requested, start
from support.projects import SPEAKER

pytest.importorskip("selenium")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = needs_chromium

HOSTILE = {
    "<script>window.hurt = 1</script>": None,
    "</script><img src=x onerror='window.hurt = 1'>": None,
    "\"double\" 'single' &lt; `back` ${hurt} {{ 1 }}": None,
    "احجز رحلة من برلين إلى روما": None,
    "first line\nsecond line": None,
    "a lone \ud800 surrogate": "a lone \\ud800 surrogate",
    "x" * 10_000: None,
}
SPEAKERS = """
    import math, struct
    from russo._wav import write_wav

    class Voice(Speaker):
        def __init__(self, backend, format="pcm"):
            self.backend, self.format = backend, format

        @property
        def cache_key_extra(self):
            return {"backend": self.backend, "voice": "<b>" + self.backend, "format": self.format}

        async def synthesize(self, text):
            if text == "Bad":
                raise ValueError("<i>refused</i>")
            if self.format == "ulaw":
                return Audio(bytes(range(256)) * 32, "ulaw", 8000)
            if self.format == "mp3":
                return Audio(b"no sound at all", "mp3")
            wave = (int(9000 * math.sin(n / 5)) for n in range(16000))
            return Audio(struct.pack("<16000h", *wave), "pcm", 8000)

    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Voice("first")

    @pytest.fixture
    def other():
        return Voice
"""
TESTS = f"""
    import asyncio
    import pytest

    HOSTILE = {list(HOSTILE)!r}

    @pytest.mark.parametrize("number", range(len(HOSTILE)))
    def test_hostile(russo_say, number): russo_say(HOSTILE[number])

    def test_old(russo_say): russo_say("Kept from before")
    def test_bad(russo_say): russo_say("Bad")

    @pytest.mark.parametrize("russo_synthesizer", ["ulaw", "mp3"], indirect=True)
    class TestOther:
        @pytest.fixture
        def russo_synthesizer(self, other, request): return other("second", request.param)
        def test_format(self, russo_say): russo_say("In another format")
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    yield from start(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of one run for all tests here: one prompt was cached before, the others are synthesized or fail."""
    project = tmp_path_factory.mktemp("project")
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "conftest.py").write_text(dedent(SPEAKER) + dedent(SPEAKERS), "utf-8")
    (project / "test_it.py").write_text(dedent(TESTS), "utf-8")
    for arguments in (["-k", "test_old"], ["--russo-report=report.html"]):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        subprocess.run(command, cwd=project, capture_output=True, timeout=120, check=False)
    return (project / "report.html").as_uri()


@pytest.fixture
def page(browser, address):
    """The page, opened from disk; asserts at the end that no script failed and that no request was sent."""
    browser.set_window_size(1200, 900)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(address)
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert {url for url in requested(browser) if not url.startswith("data:")} <= {address}
    assert browser.execute_script("return window.hurt") is None


def shown(browser):
    """Return the visible prompts."""
    return browser.execute_script(
        "return [...document.querySelectorAll('.card')].filter((card) => card.offsetHeight)"
        ".map((card) => card.querySelector('h3').textContent)"
    )


def card(browser, prompt, number=0):
    cards = browser.find_elements(By.CSS_SELECTOR, ".card")
    return [each for each in cards if each.find_element(By.TAG_NAME, "h3").text == prompt][number]


def wait(browser, condition):
    return WebDriverWait(browser, 20, poll_frequency=0.02).until(condition)


def focused(browser):
    return browser.switch_to.active_element


def test_hostile_prompts_show_as_text(page):
    texts = shown(page)
    for prompt, seen in HOSTILE.items():
        assert (seen or prompt) in texts
    assert page.find_elements(By.CSS_SELECTOR, ".card script, .card img, .card b, .card i") == []
    rtl = page.execute_script(
        "return [...document.querySelectorAll('h3')].filter((h) => getComputedStyle(h).direction === 'rtl')"
        ".map((h) => h.textContent)"
    )
    assert rtl == ["احجز رحلة من برلين إلى روما"]


@pytest.mark.parametrize(("prompt", "seconds"), [("Kept from before", 2.0), ("In another format", 1.024)])
def test_audio_plays_to_its_end(page, prompt, seconds):
    audio = card(page, prompt).find_element(By.TAG_NAME, "audio")
    length = page.execute_async_script(
        "const [audio, done] = arguments; audio.muted = true;"
        "audio.addEventListener('ended', () => done(audio.duration));"
        "audio.play().catch((error) => done(String(error)));",
        audio,
    )
    assert length == pytest.approx(seconds)


def test_unplayable_audio_is_reported(page):
    broken = card(page, "In another format", number=1)
    note = broken.find_element(By.CSS_SELECTOR, ".sound + .note")
    wait(page, lambda _: note.is_displayed())
    assert note.text == "This browser cannot play the audio."
    assert not broken.find_element(By.CSS_SELECTOR, ".play").is_enabled()


def test_failed_prompt_shows_its_error_and_no_player(page):
    failed = card(page, "Bad")
    assert failed.find_element(By.CSS_SELECTOR, ".problem").text == "ValueError: <i>refused</i>"
    assert failed.find_elements(By.TAG_NAME, "audio") == []


def test_one_prompt_plays_at_a_time_and_the_waveform_follows(page):
    first, second = card(page, "Kept from before"), card(page, "first line\nsecond line")
    page.execute_script("arguments[0].loop = true", first.find_element(By.TAG_NAME, "audio"))
    for each in (first, second):
        button, audio = each.find_element(By.CSS_SELECTOR, ".play"), each.find_element(By.TAG_NAME, "audio")
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        wait(page, lambda _, audio=audio: audio.get_property("currentTime") > 0)
    wait(page, lambda _: first.find_element(By.TAG_NAME, "audio").get_property("paused"))
    assert first.find_element(By.CSS_SELECTOR, ".play").get_attribute("aria-pressed") == "false"
    clip = second.find_element(By.CSS_SELECTOR, ".wave.played").value_of_css_property("clip-path")
    assert re.fullmatch(r"inset\(0px \d.*", clip)
    assert "100%" not in clip


def test_search_covers_prompts_tests_and_settings(page):
    search = page.find_element(By.ID, "search")
    search.send_keys("kept BEFORE")
    assert shown(page) == ["Kept from before"]
    assert page.find_element(By.CSS_SELECTOR, ".shown").text == "1 of 11 prompts"
    search.clear()
    search.send_keys("test_it.py::test_bad")
    assert shown(page) == ["Bad"]
    search.clear()
    search.send_keys("no such thing")
    assert shown(page) == []
    page.find_element(By.CSS_SELECTOR, ".empty button").click()
    assert len(shown(page)) == 11
    assert focused(page) == search


def test_states_and_backends_filter_the_prompts(page):
    def chip(name):
        return page.find_element(By.CSS_SELECTOR, f".chip.{name} input")

    chip("synthesized").click()
    assert shown(page) == ["Bad", "Kept from before"]
    chip("failed").click()
    assert shown(page) == ["Kept from before"]
    chip("synthesized").click()
    page.find_element(By.CSS_SELECTOR, "#backend option[value='=second']").click()
    assert shown(page) == ["In another format"] * 2
    assert page.find_element(By.CSS_SELECTOR, "[role=status]").text == "2 of 11 prompts"


def test_keyboard_reaches_every_control_with_a_visible_focus(page):
    def press(*keys):
        ActionChains(page).send_keys(*keys).perform()

    reached = set()
    for _ in range(14):
        press(Keys.TAB)
        element = focused(page)
        reached.add(element.get_attribute("type") or element.tag_name)
        style = "return getComputedStyle(arguments[0]).outlineStyle"
        outlined = [element, element.find_element(By.XPATH, "./following-sibling::*[1] | ./..")]
        assert "solid" in [page.execute_script(style, each) for each in outlined]
    assert {"search", "checkbox", "select-one", "summary", "button", "range"} <= reached


def test_keyboard_plays_and_seeks(page):
    spoken = card(page, "Kept from before")
    audio, button = spoken.find_element(By.TAG_NAME, "audio"), spoken.find_element(By.CSS_SELECTOR, ".play")
    page.execute_script("arguments[0].focus()", button)
    ActionChains(page).send_keys(Keys.SPACE).perform()
    wait(page, lambda _: not audio.get_property("paused"))
    ActionChains(page).send_keys(Keys.SPACE).perform()
    wait(page, lambda _: audio.get_property("paused"))
    slider = spoken.find_element(By.CSS_SELECTOR, "input[type=range]")
    page.execute_script("arguments[0].focus()", slider)
    ActionChains(page).send_keys(Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT).perform()
    wait(page, lambda _: audio.get_property("currentTime") == pytest.approx(1.9))
    assert slider.get_attribute("aria-valuetext") == "1.9 of 2.0 seconds"


def test_long_prompt_is_cut_until_it_is_expanded(page):
    long = card(page, "x" * 10_000)
    heading, button = long.find_element(By.TAG_NAME, "h3"), long.find_element(By.CSS_SELECTOR, ".more")
    short = heading.size["height"]
    button.click()
    assert heading.size["height"] > 10 * short
    assert button.get_attribute("aria-expanded") == "true"


def test_every_control_has_a_name(page):
    for element in page.find_elements(By.CSS_SELECTOR, "button, input, select, summary"):
        if element.is_displayed():
            assert element.accessible_name, element.get_attribute("outerHTML")


def contrast(browser, selector):
    """Return the contrast between an element's text and the first opaque background behind it."""
    return browser.execute_script(
        """
        const [selector] = arguments;
        const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        let element = document.querySelector(selector), back = element;
        while (back && (rgb(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0) back = back.parentElement;
        const pair = [light(rgb(getComputedStyle(element).color)), light(rgb(getComputedStyle(back).backgroundColor))];
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        """,
        selector,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 400, 1200])
def test_page_is_readable_and_fits_the_window(page, scheme, width):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        brightness = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (int(re.search(r"\d+", brightness).group()) > 128) == (scheme == "light")
        texts = [
            ".prompt",
            ".written",
            ".facts dt",
            ".badge.hit",
            ".badge.synthesized",
            ".badge.failed",
            ".problem",
        ]
        texts += [
            ".outcome.passed",
            ".outcome.failed",
            ".how",
            "summary",
            ".more",
            ".clock",
            ".totals .failed dd",
        ]
        assert {text: ratio for text in texts if (ratio := contrast(page, text)) < 4.5} == {}
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_print_shows_every_prompt_and_no_controls(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert len(shown(page)) == 11
        for selector in (".tools", ".play", ".more"):
            assert not page.find_element(By.CSS_SELECTOR, selector).is_displayed()
        assert page.find_element(By.CSS_SELECTOR, ".wave").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
