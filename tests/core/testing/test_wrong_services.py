"""Service backends with one fault each: only the check for that fault fails."""

import pytest

from support.kit.checks import REQUESTS, SERVICE_NEIGHBOURS, WAITING, names_of
from support.kit.installed_backend import patched
from support.kit.right_sources import SERVICE, SERVICE_TEST
from support.kit.tables import WRONG_SERVICES


def assert_caught(wrong, others, kit):
    """Run the checks `others` and those in `wrong.caught_by`; assert that only the latter fail."""
    kit.install("service", *patched(wrong.patches, SERVICE, SERVICE_TEST))
    failed, output = kit.run(others | wrong.caught_by)
    assert failed == names_of(wrong.caught_by)
    assert wrong.says in output


@pytest.mark.parametrize("name", WRONG_SERVICES)
def test_wrong_service_backend_is_caught_by_the_check_for_its_fault(name, kit):
    assert_caught(WRONG_SERVICES[name], SERVICE_NEIGHBOURS, kit)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG_SERVICES)
def test_no_other_check_fails_for_a_wrong_service_backend(name, kit):
    assert_caught(WRONG_SERVICES[name], REQUESTS - WAITING, kit)
