"""Fixtures that the tests of both backends share."""

from collections.abc import Iterator

import pytest

from russo.testing import WebSocketServer, frames
from support import openai_realtime as service


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    """A server that replies with a reading of the tests' prompt."""
    with service.serve(frames(service.WHOLE)) as server:
        yield server
