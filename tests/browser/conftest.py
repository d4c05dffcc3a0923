"""A browser, and the page of a red run opened in it."""

import pytest

# Modules that need selenium are imported in the fixtures: without selenium, the tests are skipped.


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from support.chromium import start

    yield from start(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    from support.report_browser import write
    from support.report_documents import red_run

    return write(tmp_path_factory.mktemp("red"), red_run())


@pytest.fixture
def opened(browser):
    """A function that opens a page; asserts at the end that no script failed and that no request was sent."""
    from support.chromium import requested

    addresses = set()
    browser.set_window_size(1200, 900)

    def go(address):
        # Another document first: an address that differs in its fragment only is not loaded again.
        browser.get("about:blank")
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(address)
        addresses.add(address.partition("#")[0])
        return browser

    yield go
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert {url.partition("#")[0] for url in requested(browser) if not url.startswith("data:")} <= addresses
    assert browser.execute_script("return window.hurt") is None


@pytest.fixture
def page(opened, address):
    """The page of the red run."""
    return opened(address)
