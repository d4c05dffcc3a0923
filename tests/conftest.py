"""Fixtures and settings for every test of the suite."""

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

# No deadline: a busy machine can pause one example for longer than any limit.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# In-process pytester drops modules that a run imports first; a second import of russo's modules
# would create other classes.
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
    """The directory of a built site, and the output of the build; pages exist even if the build warns."""
    directory = tmp_path_factory.mktemp("site")
    return directory, site_builder.build(directory)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """Remove the caller's settings, keys and proxies from the environment of the tests."""
    for name in filter(is_foreign, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # The import of Hypothesis takes a second, and the pytest runs that tests start do not use its plugin.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


@pytest.fixture
def project(pytester):
    """A small project with a synthesizer in its conftest that notes each call in calls.txt."""
    from support.projects import PytestProject

    return PytestProject(pytester)
