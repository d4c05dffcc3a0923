"""What every test of the suite stands on."""

import importlib
import os
import pkgutil

import hypothesis
import pytest

import russo
from support import site_builder, xdist_workers
from support.surroundings import is_foreign

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("support.first_party", "support.end_to_end", "support.projects")

# A busy machine pauses a test for longer than any limit of one example.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# In-process pytester forgets modules that are first imported inside a run; a second copy of
# russo's would have classes of its own.
for _module in pkgutil.walk_packages(russo.__path__, "russo."):
    if _module.name != "russo.__main__":
        importlib.import_module(_module.name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return xdist_workers.make_scheduler(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    return xdist_workers.number_of_workers()


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The directory of a built site, and what the build said; a build that warns has written its pages."""
    directory = tmp_path_factory.mktemp("site")
    return directory, site_builder.build(directory)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """Keep the settings, keys and proxies of whoever runs the suite out of it."""
    for name in filter(is_foreign, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Hypothesis takes a second to import, and no pytest run that a test starts uses its plugin.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


@pytest.fixture
def project(pytester):
    """A small project whose conftest speaks through a synthesizer that notes each call in calls.txt."""
    from support.projects import PytestProject

    return PytestProject(pytester)
