"""Finds and operates the parts of the report's page in a real browser."""

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from russo._report.page import render


def write(directory, report):
    path = directory / "report.html"
    text = "".join(render(report.document, report.media))
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
    return path.as_uri()


def wait(browser, condition):
    return WebDriverWait(browser, 20, poll_frequency=0.02).until(condition)


def one(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def shown(browser, selector=".test, .quiet li"):
    """Return the names of the visible tests or prompts."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter((item) => item.checkVisibility({contentVisibilityAuto: false}))"
        ".map((item) => item.querySelector('.name, .plain, .prompt').textContent)",
        selector,
    )


def item(page, name):
    """Return the element of a test."""
    return page.execute_script(
        "return [...document.querySelectorAll('.test, .quiet li')].find((item) => item.querySelector('.name')?.textContent === arguments[0])",
        name,
    )


def prompt(page, words, inside="#by-test"):
    """Return the first use of a prompt."""
    return page.execute_script(
        "return [...document.querySelectorAll(arguments[1] + ' :is(.use, .card)')].find((use) => use.querySelector('.prompt').textContent === arguments[0])",
        words,
        inside,
    )


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def focused(browser):
    return browser.switch_to.active_element


def focused_name(browser):
    return browser.execute_script(
        "return document.activeElement.querySelector('.name, .prompt')?.textContent"
    )


def is_open(element):
    return element.get_property("open")


def speaker(page):
    return one(page, "#speaker")


def play(page, use):
    button = use.find_element(By.CSS_SELECTOR, ".play")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    return button
