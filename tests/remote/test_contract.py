"""`ObstoreStore` keeps the contract of a store: in a folder, and on a server that speaks S3."""

import socket

import pytest

from russo.testing import LoopbackObjectServer, StoreContract
from russo_remote import ObstoreStore


class TestFolder(StoreContract):
    @pytest.fixture
    def store_url(self, tmp_path):
        return f"file://{tmp_path}/shared"

    @pytest.fixture
    def make_store(self, store_url):
        return lambda: ObstoreStore(store_url)


class TestS3(StoreContract):
    @pytest.fixture(autouse=True)
    def server(self, monkeypatch):
        with LoopbackObjectServer() as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            yield server

    @pytest.fixture
    def store_url(self, server):
        return server.store_url

    @pytest.fixture
    def make_store(self, store_url):
        return lambda: ObstoreStore(store_url)

    @pytest.fixture
    def make_unreachable_store(self, monkeypatch, store_url):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        return lambda: ObstoreStore(store_url)

    @pytest.fixture
    def make_refusing_store(self, server, make_store):
        server.faults = "AccessDenied"
        return make_store

    def test_making_a_store_opens_no_connection(self, make_store, open_with, server):
        super().test_making_a_store_opens_no_connection(make_store, open_with)
        assert (server.requests, server.connections) == ([], 0)  # obstore's sockets are not Python's


class TestServerThatIgnoresConditions(TestS3):
    creates_only = False

    @pytest.fixture(autouse=True)
    def replacing(self, server):
        server.conditional = False
