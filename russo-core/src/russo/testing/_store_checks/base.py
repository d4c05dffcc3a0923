"""The declarations of a store's author, and how the checks open stores."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

import pytest

from .handle import Handle

MakeStore = Callable[[], Any]
Open = Callable[[], Handle]
_SECRET: Final = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|_KEY$", re.IGNORECASE)
_SHORTEST_SECRET: Final = 8  # shorter values would be found in ordinary words


class StoreContractBase:
    """Holds the declarations of `StoreContract` and the fixtures of its checks."""

    creates_only: ClassVar[bool] = True
    page_size: ClassVar[int] = 1000
    patience: ClassVar[float] = 10.0
    secrets: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def make_store(self) -> MakeStore:
        """Return a function that opens a store; the author must override this fixture."""
        pytest.fail(
            f"{type(self).__name__} has no fixture make_store, which returns a function that opens a new "
            "store of one place, empty at the start of each test, such as "
            '`lambda: AcmeStore(f"acme://{tmp_path}")`',
            pytrace=False,
        )

    @pytest.fixture
    def store_url(self) -> str:
        """Return the URL of the place of `make_store`; an author overrides this fixture."""
        pytest.skip("the fixture store_url is not overridden, so no URL opens the place of make_store")

    @pytest.fixture
    def make_unreachable_store(self) -> MakeStore:
        """Return a function that opens a store whose server does not answer; an author overrides it."""
        pytest.skip("the fixture make_unreachable_store is not overridden")

    @pytest.fixture
    def make_refusing_store(self) -> MakeStore:
        """Return a function that opens a store whose server refuses; an author overrides it."""
        pytest.skip("the fixture make_refusing_store is not overridden")

    @pytest.fixture
    def open_with(self) -> Iterator[Callable[[MakeStore], Handle]]:
        """Return a function that opens a store; the stores are closed after the test."""
        opened: list[Handle] = []

        def open_with(make: MakeStore) -> Handle:
            opened.append(Handle(make, self.patience))
            return opened[-1]

        yield open_with
        for handle in opened:
            handle.end()

    @pytest.fixture
    def open_store(self, make_store: MakeStore, open_with: Callable[[MakeStore], Handle]) -> Open:
        """Return a function that opens a store in the place of `make_store`."""
        return lambda: open_with(make_store)

    @pytest.fixture
    def opened(self, open_store: Open) -> Handle:
        """Return an opened store."""
        return open_store()

    def known_secrets(self) -> list[str]:
        """Return the credentials that no text may show: the declared ones, and those of variables."""
        variables = [value for name, value in os.environ.items() if _SECRET.search(name)]
        return [*self.secrets, *(value for value in variables if len(value) >= _SHORTEST_SECRET)]
