"""Which tests run in the same worker, because they share what takes long to make, and how many workers there are.

xdist has groups of its own, but it makes them by renaming tests, which pytest 9.2 undoes without a word.
"""

import os

# The site of the documentation is built once for the tests that read it and those that open it.
# The others have fixtures of a module, which every worker that runs one of their tests would make.
GROUPS = {
    "tests/browser/test_report_in_chromium.py": "report",
    "tests/browser/test_site_in_chromium.py": "site",
    "tests/core/backends/test_discovery.py": "discovery",
    "tests/core/cli/test_workspace.py": "workspace",
    "tests/core/test_synthesizers.py": "synthesizers",
    "tests/core/test_wheel.py": "wheel",
    "tests/docs/test_site.py": "site",
    "tests/torture/test_the_tests.py": "broken stores",
}


def make_scheduler(config, log):
    """Make a scheduler that gives each group to one worker, and every other test to the next free one."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return GROUPS.get(nodeid.partition("::")[0], nodeid)

    return GroupScheduling(config, log)


def number_of_workers():
    """Return one more than there are cores, because the tests often wait for processes."""
    return (os.cpu_count() or 1) + 1
