"""``--russo-report`` of a real run, opened from disk in a real browser: the page alone, and the directory."""

import subprocess
import sys
from textwrap import dedent

import pytest

from support.chromium import needs_chromium, requested
from support.projects import SPEAKER

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = needs_chromium

SPEAKERS = """
    import math, struct

    class Voice(Speaker):
        async def synthesize(self, text):
            wave = (int(9000 * math.sin(n / 5)) for n in range(16000))
            return Audio(struct.pack("<16000h", *wave), "pcm", 8000)

    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Voice()
"""
TESTS = """
    def test_passes(russo_say):
        russo_say("Hello")

    def test_fails(russo_say, russo_report):
        russo_report.attach("reply", russo_say("Turn on the light."))
        russo_report.attach("page.html", "<script>window.hurt = 1</script>")
        assert [] == ["set_light"]

    def test_uses_nothing():
        pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The directory of a run that wrote `report.html` and `report/`."""
    project = tmp_path_factory.mktemp("project")
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "conftest.py").write_text(dedent(SPEAKER) + dedent(SPEAKERS), "utf-8")
    (project / "test_it.py").write_text(dedent(TESTS), "utf-8")
    targets = ["--russo-report=report.html", "--russo-report=report/"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *targets]
    subprocess.run(command, cwd=project, capture_output=True, timeout=120, check=False)
    return project


@pytest.mark.parametrize("target", ["report.html", "report/index.html"])
def test_page_shows_why_a_test_failed_and_plays_its_prompt(browser, project, target):
    def wait(condition):
        return WebDriverWait(browser, 20, poll_frequency=0.02).until(condition)

    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get((project / target).as_uri())
    assert browser.find_element(By.CSS_SELECTOR, ".counts").text.startswith("1 failed, 2 passed in ")
    (test,) = browser.find_elements(By.CSS_SELECTOR, ".test[open]")
    assert test.find_element(By.CSS_SELECTOR, ".name").text == "test_it.py::test_fails"
    message = test.find_element(By.CSS_SELECTOR, ".message").text
    assert message.startswith("AssertionError: assert [] == ['set_light']")
    assert test.find_element(By.CSS_SELECTOR, ".use .prompt").text == "Turn on the light."
    wait(lambda _: test.find_elements(By.CSS_SELECTOR, ".play"))[0].click()
    speaker = browser.find_element(By.ID, "speaker")
    wait(lambda _: speaker.get_property("currentTime") > 0)
    assert speaker.get_property("duration") == 2.0
    assert browser.execute_script("return window.hurt") is None
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    sources = ("data:", f"{project.as_uri()}/report")
    assert [url for url in requested(browser) if not url.startswith(sources)] == []
