"""`StoreContract`: correct stores pass, and a store with one fault fails only the checks for that fault."""

import re

import pytest

from russo._backends.entry_points import installed_in
from russo.testing import StoreContract as Contract
from support.kit.checks import names_of
from support.kit.installed_backend import patched
from support.stores.installed_store import ALL, InstalledStore
from support.stores.right_sources import BARE, BARE_TEST, STORE, STORE_TEST
from support.stores.wrong import WRONG_STORES

# In the fast tests, every wrong store also runs these cheap checks, which must pass.
NEIGHBOURS = {
    Contract.test_store_has_get_and_put,
    Contract.test_missing_object_is_none,
    Contract.test_limit_cuts_a_larger_object,
    Contract.test_create_only_put_keeps_the_first_object,
    Contract.test_replacing_put_replaces_the_object,
    Contract.test_two_stores_see_the_objects_of_each_other,
    Contract.test_list_has_the_name_and_size_of_each_object,
    Contract.test_refusal_is_refused,
}


@pytest.fixture
def box(pytester, monkeypatch):
    monkeypatch.chdir(pytester.path)
    yield InstalledStore(pytester, monkeypatch)
    installed_in.cache_clear()


def assert_caught(wrong, others, box):
    """Run the checks `others` and those in `wrong.caught_by`; assert that only the latter fail."""
    box.install(*patched(wrong.patches, STORE, STORE_TEST))
    failed, _, output = box.run(others | wrong.caught_by)
    assert failed == names_of(wrong.caught_by), output
    assert wrong.says in output
    assert output.count("the contract wants: ") == output.count("\nwhy: ") > 0


def test_right_store_passes_every_check(box):
    box.install()
    failed, counts, output = box.run()
    assert failed == set(), output
    assert list(counts) == ["passed"], output


def test_store_with_two_methods_passes_and_skips_the_optional_checks(box):
    box.install(BARE, BARE_TEST)
    failed, counts, output = box.run()
    assert failed == set(), output
    # list (4), delete, close, URL, unreachable, refusing, credentials
    assert counts["skipped"] == 10, output
    assert set(counts) == {"passed", "skipped"}


def test_every_check_catches_a_wrong_store():
    assert set().union(*(each.caught_by for each in WRONG_STORES.values())) == ALL
    assert len(ALL) > 20


@pytest.mark.parametrize("name", WRONG_STORES)
def test_wrong_store_is_caught_by_the_check_for_its_fault(name, box):
    assert_caught(WRONG_STORES[name], NEIGHBOURS, box)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG_STORES)
def test_no_other_check_fails_for_a_wrong_store(name, box):
    assert_caught(WRONG_STORES[name], ALL, box)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def get(", "async def get(", "get is a coroutine function"),
        ("def put(", "def store(", "BoxStore.put is None"),
    ],
)
def test_store_without_the_two_methods_is_reported(old, new, says, box):
    box.install(*patched([(old, new)], STORE, STORE_TEST))
    failed, _, output = box.run({Contract.test_store_has_get_and_put})
    assert failed == {"test_store_has_get_and_put"}
    assert says in output


def test_store_that_cannot_check_may_declare_it(box):
    replacing = STORE.replace("if replace:", "if True:")
    box.install(replacing, STORE_TEST.replace("patience =", "creates_only = False\n    patience ="))
    failed, counts, output = box.run()
    assert failed == set(), output
    assert counts["skipped"] == 2, output


def test_credential_in_a_variable_is_known(box, monkeypatch):
    monkeypatch.setenv("BOX_API_KEY", "key-of-the-box")
    showing = STORE.replace('"the token is wrong"', '"key-of-the-box is wrong"')
    box.install(showing, re.sub(r"    secrets = .*\n", "", STORE_TEST))
    failed, _, output = box.run({Contract.test_refusal_is_refused})
    assert failed == {"test_refusal_is_refused"}
    assert "the value of a variable with a secret, is part of the error" in output
    assert "key-of-the-box" not in output.replace("BOX_API_KEY", "")


def test_class_without_its_fixture_is_reported(box):
    box.install(test=STORE_TEST.replace("def make_store(", "def make_a_store("))
    failed, _, output = box.run({Contract.test_missing_object_is_none})
    assert failed == {"test_missing_object_is_none"}
    assert "TestBox has no fixture make_store, which returns a function that opens a new store" in output


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("other = box:BoxStore", "box"),
        ("box = box:NoStore", "has no attribute 'NoStore'"),
        ("box = box:Path", "Path has no get and put"),
    ],
)
def test_wrong_entry_point_is_reported(entry, says, box):
    box.install(entry=entry)
    failed, _, output = box.run({Contract.test_entry_point_opens_the_store_of_a_url})
    assert failed == {"test_entry_point_opens_the_store_of_a_url"}
    (seen,) = re.findall(r"^seen: (.*?)^why: ", output, re.DOTALL | re.MULTILINE)
    assert says in seen
    assert "the contract wants: the entry point 'box' in the group russo.stores opens box://" in output


def test_most_basic_faults_are_reported_first(box):
    box.install()
    result = box.pytester.runpytest_inprocess("--collect-only", "-q", "-p", "no:cacheprovider")
    names = list(dict.fromkeys(re.findall(r"::(test_\w+)", result.stdout.str())))
    assert names[0] == "test_store_has_get_and_put"
    order = [
        names.index(check.__name__)
        for check in (
            Contract.test_missing_object_is_none,
            Contract.test_list_has_the_time_of_each_object,
            Contract.test_two_stores_see_the_objects_of_each_other,
            Contract.test_many_threads_use_one_store,
            Contract.test_refusal_is_refused,
        )
    ]
    assert order == sorted(order)
