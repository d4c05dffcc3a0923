"""`StoreContract`: the contract of a store as tests, which the store's author inherits."""

from __future__ import annotations

import pytest

from ._store_checks.failures import FailureChecks
from ._store_checks.listing import ListingChecks
from ._store_checks.objects import CONTENTS, ObjectChecks
from ._store_checks.opening import OpeningChecks
from ._store_checks.sharing import SharingChecks
from ._store_checks.threads import ThreadChecks


# pytest collects the last base class first: list the most basic checks last.
class StoreContract(FailureChecks, ThreadChecks, SharingChecks, ListingChecks, ObjectChecks, OpeningChecks):
    """The contract of a store as tests; inherit it in a class whose name pytest collects.

        class TestAcmeStore(StoreContract):
            @pytest.fixture
            def make_store(self, tmp_path):
                return lambda: AcmeStore(f"acme://{tmp_path}")

    The fixture ``make_store`` returns a function that opens a store. All stores that it opens during one test
    use the same place, which is empty at the start of the test. The checks open several of them, as several
    machines do. They put objects of up to 6 MB.

    These fixtures are optional; without them their checks are skipped:

    * ``store_url`` returns the URL of the same place. The entry point of the store in the group
      ``russo.stores`` must open it, so the package must be installed.
    * ``make_unreachable_store`` returns a function that opens a store whose server does not answer, such as
      one on a closed port.
    * ``make_refusing_store`` returns a function that opens a store whose server refuses the credentials.

    Attributes:
        creates_only: ``False`` if the store cannot check in one step whether there is an object, so that a
            put without ``replace`` may replace it.
        page_size: How many objects one answer of the server to ``list`` has at most. A check stores one
            object more. 0 skips the check; use it if a list does not come in pages.
        patience: The limit for one call in seconds.
        secrets: Credentials of the stores, which no error, log record and ``repr`` may show. The values of
            variables whose names contain SECRET, TOKEN or PASSWORD, or end with _KEY, are added.
    """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the check of contents once for each content."""
        if "content" in metafunc.fixturenames:
            metafunc.parametrize("content", list(CONTENTS))
