"""The conformance kit: what the author of a backend inherits to prove it, and what tests of backends need.

    from russo.testing import BackendContract

    class TestAcme(BackendContract):
        backend = "acme"
        declared = {"voice": "de", "speed": 1.5}
        undeclared = {"timeout": 7.5}

        @pytest.fixture
        def make_synthesizer(self):
            return lambda **options: AcmeSynthesizer(**options)

It needs pytest and nothing else: no network, no plugin for asyncio. Nothing in russo imports it.
"""

from ._contract import BackendContract as BackendContract
from ._fake import FakeSynthesizer as FakeSynthesizer
from ._server.loopback import LoopbackServer as LoopbackServer
from ._server.loopback import Reply as Reply
from ._server.loopback import json_reply as json_reply
from ._server.request import Request as Request
from ._server.service import Failure as Failure
from ._server.service import HttpService as HttpService
from ._sound import speech_pcm as speech_pcm
from ._sound import wav as wav
