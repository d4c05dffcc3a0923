"""Chooses the tests that run in the same worker, because they share slow fixtures, and the number of workers.

xdist has its own groups, but it makes them by renaming tests, and pytest 9.2 silently restores the names.
"""

import os

# The documentation site is built once for all tests that read or open it.
# The other files have module fixtures, which each worker that runs one of their tests would create.
GROUPS = {
    "tests/browser/test_report_in_chromium.py": "report",
    "tests/browser/test_site_in_chromium.py": "site",
    "tests/core/backends/test_discovery.py": "discovery",
    "tests/core/cli/test_workspace.py": "workspace",
    "tests/core/test_synthesizers.py": "synthesizers",
    "tests/core/test_wheel.py": "wheel",
    "tests/docs/test_site.py": "site",
    "tests/remote/test_wheel.py": "remote wheel",
    "tests/torture/test_the_tests.py": "broken stores",
    "tests/typechecks/test_user_code.py": "typechecks",
}


def make_scheduler(config, log):
    """Return a scheduler that gives each group to one worker, and every other test to the next free worker."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return GROUPS.get(nodeid.partition("::")[0], nodeid)

    return GroupScheduling(config, log)


def number_of_workers():
    """Return the number of cores plus one, because the tests often wait for processes."""
    return (os.cpu_count() or 1) + 1
