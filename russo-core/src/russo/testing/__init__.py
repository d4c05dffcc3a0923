"""The conformance kits: contract tests that authors of backends and of stores inherit, and tools for tests.

`BackendContract` and `StoreContract` show how an author inherits them, and `HttpService` declares the service
behind a backend.
The kit needs only pytest: no network and no asyncio plugin. No other module of russo imports it.
"""

from ._contract import BackendContract as BackendContract
from ._fake import FakeSynthesizer as FakeSynthesizer
from ._server.loopback import LoopbackServer as LoopbackServer
from ._server.loopback import Reply as Reply
from ._server.loopback import json_reply as json_reply
from ._server.objects import LoopbackObjectServer as LoopbackObjectServer
from ._server.request import Request as Request
from ._server.service import Failure as Failure
from ._server.service import HttpService as HttpService
from ._server.service import WebSocketService as WebSocketService
from ._server.websocket import Frames as Frames
from ._server.websocket import WebSocketServer as WebSocketServer
from ._server.websocket import frames as frames
from ._sound import speech_pcm as speech_pcm
from ._sound import wav as wav
from ._store_contract import StoreContract as StoreContract
