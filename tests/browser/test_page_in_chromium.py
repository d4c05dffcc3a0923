"""The page of a report in a real browser, opened from disk: views, filters, links, keys, sounds."""

import wave

import pytest

from support.chromium import needs_chromium

pytest.importorskip("selenium")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.chromium import requested
from support.report_browser import (
    focused,
    focused_name,
    is_open,
    item,
    one,
    play,
    press,
    prompt,
    shown,
    speaker,
    wait,
    write,
)
from support.report_documents import Beside, Report, long_run, red_run, speech

pytestmark = needs_chromium

KITCHEN = "tests/test_lights.py::test_on[kitchen]"
OFF = "tests/test_lights.py::test_off"


# -- what is open


def test_failed_tests_are_open_and_passed_tests_are_folded(page):
    assert is_open(item(page, KITCHEN))
    assert item(page, KITCHEN).find_element(By.CSS_SELECTOR, ".message").is_displayed()
    assert not item(page, KITCHEN).find_element(By.CSS_SELECTOR, ".traceback pre").is_displayed()
    assert not is_open(item(page, "tests/test_greeting.py::test_hello"))
    first = shown(page)[:3]
    assert first == [KITCHEN, OFF, "tests/test_patience.py::test_teardown"]


def test_open_all_and_fold_all(page):
    one(page, "#open-all").click()
    assert all(is_open(test) for test in page.find_elements(By.CSS_SELECTOR, ".test, .quiet"))
    one(page, "#fold-all").click()
    assert not any(is_open(test) for test in page.find_elements(By.CSS_SELECTOR, ".test, .quiet"))


def test_folded_tests_have_no_controls_until_they_are_opened(page):
    hello = item(page, "tests/test_greeting.py::test_hello")
    assert hello.find_elements(By.CSS_SELECTOR, ".play") == []
    hello.find_element(By.TAG_NAME, "summary").click()
    wait(page, lambda _: hello.find_elements(By.CSS_SELECTOR, ".play"))


# -- views and links


def test_tabs_switch_the_view_and_the_address(page, address):
    one(page, "#tab-prompt").click()
    wait(page, lambda _: shown(page) == [])
    assert page.current_url == f"{address}#by-prompt"
    assert "Turn on the kitchen light." in shown(page, ".card")
    assert one(page, ".shown").text == "11 prompts"
    tab = one(page, "#tab-prompt")
    assert (tab.get_attribute("role"), tab.get_attribute("aria-selected")) == ("tab", "true")
    assert one(page, "#" + tab.get_attribute("aria-controls")).get_attribute("role") == "tabpanel"
    page.back()
    wait(page, lambda _: shown(page, ".card") == [])


def test_address_of_the_second_view_opens_it(opened, address):
    page = opened(f"{address}#by-prompt")
    assert shown(page) == []
    assert len(shown(page, ".card")) == 11


def test_arrows_move_between_the_tabs(page):
    page.execute_script("arguments[0].focus()", one(page, "#tab-test"))
    press(page, Keys.ARROW_RIGHT)
    wait(page, lambda _: shown(page, ".card"))
    assert focused(page).get_attribute("id") == "tab-prompt"
    press(page, Keys.ARROW_LEFT)
    wait(page, lambda _: not shown(page, ".card"))
    page.execute_script("arguments[0].focus()", one(page, "#tab-prompt"))
    press(page, Keys.SPACE)
    wait(page, lambda _: shown(page, ".card"))


@pytest.mark.parametrize("name", ["tests/test_voices.py::test_silence", "tests/test_math.py::test_sum[3]"])
def test_address_of_a_test_opens_it_in_view(opened, page, address, name):
    anchor = item(page, name).get_attribute("id")
    page = opened(f"{address}#{anchor}")
    test = item(page, name)
    assert is_open(test.find_element(By.XPATH, "ancestor-or-self::details"))
    top = page.execute_script("return arguments[0].getBoundingClientRect().top", test)
    assert 0 <= top < page.execute_script("return innerHeight")
    wait(page, lambda _: page.execute_script("return arguments[0].contains(document.activeElement)", test))


@pytest.mark.parametrize("fragment", ["%E0", "%", "no-such-test", "by-test%20", "speaker"])
def test_unknown_fragment_is_ignored(opened, address, fragment):
    page = opened(f"{address}#{fragment}")
    wait(page, lambda _: page.find_elements(By.CSS_SELECTOR, ".play"))
    assert shown(page)[0] == KITCHEN


def test_link_from_a_prompt_to_its_test(page):
    one(page, "#tab-prompt").click()
    wait(page, lambda _: shown(page, ".card"))
    prompt(page, "Wait a moment.", "#by-prompt").find_element(By.CSS_SELECTOR, ".tests a").click()
    test = item(page, "tests/test_patience.py::test_wait")
    wait(page, lambda _: is_open(test))
    assert test.is_displayed()
    assert focused_name(page) == "tests/test_patience.py::test_wait"


def test_address_of_a_test_that_a_filter_hides_clears_the_filter(page):
    test = item(page, "tests/test_greeting.py::test_hello")
    one(page, ".chip.failed input").click()
    assert not test.is_displayed()
    page.execute_script("location.hash = arguments[0].id", test)
    wait(page, lambda _: test.is_displayed())
    assert one(page, ".shown").text == "15 tests"
    assert not one(page, ".chip.failed input").is_selected()


def test_link_from_a_use_to_its_prompt(page):
    link = next(
        link
        for link in item(page, KITCHEN).find_elements(By.CSS_SELECTOR, "a.tool")
        if link.text == "Used by 2 tests"
    )
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    wait(page, lambda _: focused_name(page) == "Turn on the kitchen light.")
    assert shown(page) == []


# -- filters


def test_chips_of_outcomes_filter_both_views(page):
    one(page, ".chip.error input").click()
    assert shown(page) == ["tests/test_patience.py::test_teardown"]
    assert one(page, ".shown").text == "1 of 15 tests"
    one(page, ".chip.skipped input").click()
    assert shown(page) == ["tests/test_patience.py::test_teardown", "tests/test_voices.py::test_slow"]
    one(page, "#tab-prompt").click()
    wait(page, lambda _: shown(page, ".card") == ["Hello!"])
    assert one(page, ".shown").text == "1 of 11 prompts"


def test_chips_of_backends_filter_the_tests_that_used_them(page):
    chip = next(chip for chip in page.find_elements(By.CSS_SELECTOR, ".chip") if chip.text == "elevenlabs")
    chip.find_element(By.TAG_NAME, "input").click()
    assert len(shown(page)) == 1
    assert "test_every_room" in shown(page)[0]
    assert one(page, ".shown").text == "1 of 15 tests"


def test_search_covers_names_prompts_messages_and_settings(page):
    search = one(page, "#search")
    for words, found in [
        ("BEDROOM light.", [OFF]),
        ("hang up", ["tests/test_patience.py::test_teardown"]),
        ("eleven_multilingual", [next(name for name in shown(page) if "every_room" in name)]),
        ("test_sum[4]", ["tests/test_math.py::test_sum[4]"]),
        ("download", []),
    ]:
        search.clear()
        search.send_keys(words)
        assert shown(page) == found
    assert one(page, "#none").is_displayed()
    one(page, "#none button").click()
    # The quiet tests are folded again.
    assert len(shown(page)) == 11
    assert one(page, ".shown").text == "15 tests"
    assert focused(page) == search


# -- keys


def test_keys_go_through_the_tests(page):
    press(page, "j")
    assert focused_name(page) == KITCHEN
    press(page, "j")
    assert focused_name(page) == OFF
    press(page, Keys.ARROW_UP)
    assert focused_name(page) == KITCHEN
    press(page, Keys.ARROW_DOWN, "k", "k")
    assert focused_name(page) == KITCHEN
    press(page, "o")
    assert not is_open(item(page, KITCHEN))
    press(page, Keys.ENTER)
    assert is_open(item(page, KITCHEN))


def test_keys_skip_hidden_tests(page):
    one(page, ".chip.passed input").click()
    press(page, "j", "j")
    assert "test_every_room" in focused_name(page)


def test_keys_go_through_the_prompts(page):
    press(page, "b")
    wait(page, lambda _: shown(page, ".card"))
    press(page, "j", "j")
    assert focused_name(page) == "Wrong voice"
    press(page, "t")
    wait(page, lambda _: shown(page))


def test_key_plays_and_stops_the_sound_of_the_test(page):
    press(page, "j", "p")
    button = prompt(page, "Turn on the kitchen light.").find_element(By.CSS_SELECTOR, ".play")
    wait(page, lambda _: button.get_attribute("aria-pressed") == "true")
    press(page, "p")
    wait(page, lambda _: button.get_attribute("aria-pressed") == "false")


def test_keys_are_text_in_the_search_field(page):
    press(page, "/")
    assert focused(page) == one(page, "#search")
    press(page, "j?/")
    assert one(page, "#search").get_property("value") == "j?/"
    assert not one(page, "#keys").is_displayed()
    press(page, Keys.ESCAPE)
    assert one(page, "#search").get_property("value") == ""
    assert one(page, ".shown").text == "15 tests"


def test_keys_with_a_modifier_belong_to_the_browser(page):
    ActionChains(page).key_down(Keys.CONTROL).send_keys("j").key_up(Keys.CONTROL).perform()
    assert focused_name(page) is None or focused(page).tag_name == "body"


def test_question_mark_lists_the_keys(page):
    press(page, "?")
    assert one(page, "#keys").is_displayed()
    press(page, Keys.ESCAPE)
    assert not one(page, "#keys").is_displayed()


def test_keyboard_reaches_every_kind_of_control_with_a_visible_focus(page):
    reached = set()
    wait(page, lambda _: page.find_elements(By.CSS_SELECTOR, ".play"))
    for _ in range(26):
        press(page, Keys.TAB)
        element = focused(page)
        reached.add(element.get_attribute("role") or element.get_attribute("type") or element.tag_name)
        # A checkbox and a slider are transparent: the element that is drawn in their place has the outline.
        is_drawn = element.value_of_css_property("opacity") == "1"
        outlined = (
            [element] if is_drawn else element.find_elements(By.XPATH, "./following-sibling::*[1] | ./..")
        )
        style = "return getComputedStyle(arguments[0]).outlineStyle"
        assert "solid" in [page.execute_script(style, each) for each in outlined], element.get_attribute(
            "outerHTML"
        )
    assert {"tab", "search", "checkbox", "summary", "button", "range"} <= reached


def test_every_control_has_a_name(page):
    one(page, "#open-all").click()
    for element in page.find_elements(By.CSS_SELECTOR, "button, input, summary, a"):
        page.execute_script("arguments[0].scrollIntoView()", element)
        if element.is_displayed():
            assert element.accessible_name, element.get_attribute("outerHTML")


# -- sounds


def test_sound_plays_to_its_end(page):
    page.execute_script("arguments[0].muted = true", speaker(page))
    button = play(page, prompt(page, "Turn on the kitchen light."))
    wait(page, lambda _: speaker(page).get_property("currentTime") > 0)
    button.click()
    wait(page, lambda _: speaker(page).get_property("paused"))
    wait(page, lambda _: button.get_attribute("aria-pressed") == "false")
    assert 0 < speaker(page).get_property("currentTime") < 1.62
    button.click()
    wait(page, lambda _: speaker(page).get_property("ended"))
    assert speaker(page).get_property("duration") == pytest.approx(1.62)
    wait(page, lambda _: button.get_attribute("aria-pressed") == "false")


def test_one_sound_plays_at_a_time_and_the_waveform_follows(page):
    page.execute_script("arguments[0].loop = true", speaker(page))
    first, second = (
        prompt(page, "Turn on the kitchen light."),
        prompt(page, "And now tell me everything about the tour of the house, please."),
    )
    one_button = play(page, first)
    wait(page, lambda _: speaker(page).get_property("currentTime") > 0)
    other_button = play(page, second)
    wait(page, lambda _: other_button.get_attribute("aria-pressed") == "true")
    assert one_button.get_attribute("aria-pressed") == "false"
    played = second.find_element(By.CSS_SELECTOR, ".wave.played")
    wait(page, lambda _: "100%" not in played.value_of_css_property("clip-path"))
    assert "100%" in first.find_element(By.CSS_SELECTOR, ".wave.played").value_of_css_property("clip-path")


def test_slider_seeks(page):
    use = prompt(page, "And now tell me everything about the tour of the house, please.")
    slider = use.find_element(By.CSS_SELECTOR, "input")
    page.execute_script("arguments[0].focus()", slider)
    press(page, Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    wait(page, lambda _: speaker(page).get_property("currentTime") == pytest.approx(3.3))
    assert slider.get_attribute("aria-valuetext") == "3.3 of 3.4 seconds"
    assert speaker(page).get_property("paused")


def test_sound_that_the_browser_cannot_play_is_reported(opened, tmp_path):
    report = Report()
    name = report.sound(speech(1))
    report.media.bytes[name] = b"no sound"
    report.test("test_it.py::test", "failed", [report.use("Hello", name)])
    page = opened(write(tmp_path, report))
    wait(page, lambda _: page.find_elements(By.CSS_SELECTOR, ".play"))
    button = play(page, prompt(page, "Hello"))
    wait(
        page,
        lambda _: (
            [each.text for each in page.find_elements(By.CSS_SELECTOR, ".note")]
            == ["This browser cannot play the audio."]
        ),
    )
    assert not button.is_enabled()


@pytest.mark.parametrize("width", [1280, 390])
def test_widths_of_waveforms_are_proportional_to_lengths(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        on, tour = (
            prompt(page, words).find_element(By.CSS_SELECTOR, ".track").rect["width"]
            for words in (
                "Turn on the kitchen light.",
                "And now tell me everything about the tour of the house, please.",
            )
        )
        assert on / tour == pytest.approx(1.62 / 3.4, rel=0.01)
        assert tour > width / 2
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_no_audio_is_read_before_it_is_played(opened, tmp_path):
    page = opened(write(tmp_path, long_run(prompts=60)))
    assert page.execute_script("return document.querySelectorAll('audio').length") == 1
    assert page.execute_script("return document.querySelectorAll('.source').length") == 60
    assert [url for url in requested(page) if url.startswith("data:audio")] == []
    players = page.execute_script("return document.querySelectorAll('.play').length")
    assert players < 30
    wait(page, lambda _: page.find_elements(By.CSS_SELECTOR, ".play"))
    play(page, prompt(page, page.find_element(By.CSS_SELECTOR, ".use .prompt").text))
    wait(page, lambda _: speaker(page).get_property("currentTime") > 0)


def test_sounds_beside_the_page_play(browser, tmp_path):
    report = red_run(Beside(tmp_path))
    report.media.policy = "'self'"
    browser.get(write(tmp_path, report))
    wait(browser, lambda _: browser.find_elements(By.CSS_SELECTOR, ".play"))
    play(browser, prompt(browser, "Turn on the kitchen light."))
    wait(browser, lambda _: speaker(browser).get_property("currentTime") > 0)
    assert speaker(browser).get_property("currentSrc").startswith((tmp_path / "audio").as_uri())
    assert wait(browser, lambda _: one(browser, ".attachment img").get_property("naturalWidth")) == 40
    # From a directory, a browser opens the sound instead of saving it.
    page, link = browser.current_window_handle, one(browser, ".use .download")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    (other,) = wait(browser, lambda _: set(browser.window_handles) - {page})
    assert one(browser, "#speaker")
    browser.switch_to.window(other)
    browser.close()
    browser.switch_to.window(page)


# -- copy and download


def clipboard(page):
    return page.execute_script("return window.copied")


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_keys_commands_and_links_are_copied(page, address, has_clipboard):
    page.execute_script(
        "navigator.clipboard.writeText = arguments[0] ? async (text) => { window.copied = text; }"
        " : async () => { throw new Error('none'); };"
        "document.execCommand = (name) => { window.copied = document.activeElement.value; return name === 'copy'; };",
        has_clipboard,
    )
    test = item(page, OFF)
    anchor = test.get_attribute("id")
    expected = {
        "Copy key": test.find_element(By.CSS_SELECTOR, ".copy").get_attribute("data-copy"),
        "Copy command": "pytest --russo-cache-mode=auto tests/test_lights.py::test_off",
        "Copy link": f"{address}#{anchor}",
    }
    for label, text in expected.items():
        button = next(each for each in test.find_elements(By.CSS_SELECTOR, ".copy") if each.text == label)
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        wait(page, lambda _, button=button: button.text == "Copied")
        assert clipboard(page) == text
        assert one(page, "#said").get_attribute("textContent") == "Copied"
        assert focused(page) == button
        wait(page, lambda _, button=button, label=label: button.text == label)


def test_sound_is_downloaded_with_the_first_words_of_the_prompt(page, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    link = prompt(page, "Turn on the kitchen light.").find_element(By.CSS_SELECTOR, ".download")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    target = tmp_path / "turn-on-the-kitchen-light.wav"
    wait(page, lambda _: target.exists() and target.stat().st_size > 0)  # the browser creates it empty
    with wave.open(str(target)) as file:
        assert file.getnframes() / file.getframerate() == 1.62
