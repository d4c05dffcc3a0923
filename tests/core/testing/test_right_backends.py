"""Correct backends of many kinds pass."""

import re

import pytest

from support.kit.checks import ALL, PROCESSES, REQUESTS, TIMED, WAITING
from support.kit.installed_backend import patched
from support.kit.right_kinds import RIGHT_ENGINES, RIGHT_SERVICES
from support.kit.right_sources import ENGINE, ENGINE_TEST, SERVICE, SERVICE_TEST


def test_right_engine_passes_and_skips_the_service_checks(kit):
    kit.install("engine", ENGINE, ENGINE_TEST)
    failed, output = kit.run()
    assert failed == set()
    # The check that options reach the service is skipped for both options; voice is not a float.
    assert re.search(rf"\d+ passed, {len(REQUESTS) + 2} skipped", output)


def test_right_service_backend_passes_every_check(kit):
    kit.install("service", SERVICE, SERVICE_TEST)
    failed, output = kit.run()
    assert failed == set()
    # It has no aclose and no float option; the checks of requests cover its options and timeout.
    assert re.search(r"\d+ passed, 4 skipped", output)


@pytest.mark.parametrize("name", RIGHT_ENGINES)
def test_right_engine_of_another_kind_passes(name, kit):
    kit.install("engine", *patched(RIGHT_ENGINES[name], ENGINE, ENGINE_TEST))
    failed, output = kit.run(ALL - PROCESSES - REQUESTS)
    assert failed == set(), output


def assert_right_service_passes(name, kit, checks):
    kit.install("service", *patched(RIGHT_SERVICES[name], SERVICE, SERVICE_TEST))
    failed, output = kit.run(checks)
    assert failed == set(), output


@pytest.mark.parametrize("name", RIGHT_SERVICES)
def test_right_service_of_another_kind_passes(name, kit):
    assert_right_service_passes(name, kit, ALL - PROCESSES - WAITING - TIMED)


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT_SERVICES)
def test_right_service_of_another_kind_passes_every_check(name, kit):
    assert_right_service_passes(name, kit, ALL)
