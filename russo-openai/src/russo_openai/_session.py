"""One reading over an open connection to the Realtime API, event by event."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from russo.authoring import MOST_REPLY_BYTES, OversizedReplyError, load_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from websockets.asyncio.client import ClientConnection

# Memory of a frame in addition to its bytes.
_OVERHEAD: Final = 400
# A status of response.done, and the field of status_details that gives its reason.
_ENDINGS: Final = {"failed": "error", "incomplete": "reason", "cancelled": "reason"}


class RefusedError(Exception):
    """The service refused: by an ``error`` event, or by a response that did not complete.

    Args:
        place: The source of the refusal, such as ``error event``.
        error: The service's ``error``: usually type, code, message and param.
    """

    def __init__(self, place: str, error: object) -> None:
        super().__init__(place, error)
        self.place: Final = place
        details = error if isinstance(error, dict) else {"message": error}
        self.code: Final = details.get("code") or details.get("type")
        self.body: Final = {"error": error}
        self.message: Final = str(details.get("message") or "")


class DecodingError(Exception):
    """A frame of the service cannot be read. The core classifies it by its name."""


@dataclass
class Reading:
    """What the service sent for one prompt.

    Attributes:
        samples: Signed 16-bit little-endian samples.
        transcripts: The words that the service reports: in its events, and in ``response.done``. A text is
            empty if a piece of the audio has no transcript.
    """

    samples: bytearray = field(default_factory=bytearray)
    transcripts: list[str] = field(default_factory=list)


async def read_aloud(
    connection: ClientConnection, session: Mapping[str, Any], response: Mapping[str, Any]
) -> Reading:
    """Set the session up, ask for one reading and collect it.

    Nothing is sent before ``session.created`` is received: a refusal that comes instead would be lost.

    Raises:
        RefusedError: The service refused.
        DecodingError: A frame is not a JSON object.
        OversizedReplyError: The service sends more than 64 MiB.
        binascii.Error: A piece of audio is not base64.
        websockets.exceptions.ConnectionClosed: The connection ended first.
    """
    events = _Events(connection)
    await events.until("session.created")
    await events.send(session)
    _check_session(await events.until("session.updated"), session)
    await events.send(response)
    return await _collect(events)


class _Events:
    """The events of a connection, which together are at most 64 MiB."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection: Final = connection
        self._received = 0

    async def next(self) -> dict[str, Any]:
        """Return the next event.

        Raises:
            RefusedError: It is an error.
            DecodingError: It is not a JSON object.
            OversizedReplyError: The service has sent too much.
        """
        frame = await self._frame()
        try:
            event = load_json(frame)
        except (ValueError, RecursionError) as error:
            raise DecodingError(f"a frame of {len(frame)} bytes is not JSON") from error
        if not isinstance(event, dict):
            raise DecodingError(f"a frame of {len(frame)} bytes is not a JSON object")
        if event.get("type") == "error":
            raise RefusedError("error event", event.get("error"))
        return event

    async def until(self, name: str) -> dict[str, Any]:
        """Return the next event of this name."""
        while True:
            event = await self.next()
            if event.get("type") == name:
                return event

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send an event."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(json.dumps(event))
        except ConnectionClosed:
            while True:  # the refusal was received before the close; reading ends by an exception
                await self.next()

    async def _frame(self) -> str:
        """Return a message; its fragments are counted while they arrive, because each takes memory."""
        pieces = []
        async for piece in self._connection.recv_streaming(decode=True):
            self._received += len(piece) + _OVERHEAD
            if self._received > MOST_REPLY_BYTES:
                raise OversizedReplyError(f"its events are larger than {MOST_REPLY_BYTES >> 20} MiB")
            pieces.append(str(piece))
        return "".join(pieces)


@dataclass
class _Response:
    """What has arrived of one response: samples, transcripts, and the items that have audio."""

    samples: bytearray = field(default_factory=bytearray)
    said: list[str] = field(default_factory=list)
    with_audio: set[str] = field(default_factory=set)


async def _collect(events: _Events) -> Reading:
    """Collect the requested response; other responses of the session are kept apart."""
    ours: str | None = None
    responses: defaultdict[str | None, _Response] = defaultdict(_Response)
    while True:
        event = await events.next()
        name, of = event.get("type"), event.get("response_id") or _in(event, "response").get("id")
        if ours is not None and of not in (None, ours):
            continue  # another response of the session
        if name == "response.created" and of is not None:
            ours = str(of)
        response = responses[None if of is None else str(of)]
        if name == "response.output_audio.delta":
            response.samples += _samples_of(event)
            response.with_audio.add(str(event.get("item_id", "")))
        elif name == "response.output_audio_transcript.done":
            response.said.append(str(event.get("transcript") or ""))
        elif name == "response.done":
            ending = _in(event, "response")
            _check_ending(ending)
            # Some servers name the response in some of its events only.
            parts = [responses[each] for each in dict.fromkeys((None, ours or str(of)))]
            said = [text for part in parts for text in part.said]
            with_audio = {item for part in parts for item in part.with_audio} - {""}
            samples = bytearray().join(part.samples for part in parts)
            return Reading(samples, _versions(said, ending, with_audio))


def _samples_of(event: Mapping[str, Any]) -> bytes:
    delta = event.get("delta")
    if not isinstance(delta, str):
        raise DecodingError("a piece of the audio is not text")
    return base64.b64decode(delta.encode(), validate=True)


def _check_ending(response: Mapping[str, Any]) -> None:
    status, details = response.get("status"), _in(response, "status_details")
    if status == "completed":
        return
    reason = details.get(_ENDINGS.get(str(status), "error"))
    raise RefusedError(f"response {status}", reason if isinstance(reason, dict) else {"code": reason})


def _versions(said: list[str], response: Mapping[str, Any], with_audio: set[str]) -> list[str]:
    """Return every transcript that the service sent; each of them must match the prompt.

    A preamble is a separate item, so the texts of all items are joined.
    """
    parts = [(item, part) for item in _objects(response, "output") for part in _objects(item, "content")]
    audio = [
        (item, part) for item, part in parts if part.get("type") == "output_audio" or "transcript" in part
    ]
    versions = [" ".join(said)] if said else []
    if audio:
        texts = [part.get("transcript") for _, part in audio]
        is_whole = all(isinstance(text, str) and text for text in texts)
        listed = {str(item["id"]) for item, _ in audio if item.get("id")}
        if listed:  # audio of an item that the response does not list has no transcript
            is_whole = is_whole and with_audio <= listed
        versions.append(" ".join(map(str, texts)) if is_whole else "")
    return versions


def _objects(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in a list of an event; none if it is missing or not a list."""
    parts = value.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _check_session(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a session with other settings than requested: its sound would be stored under the wrong key.

    Raises:
        RefusedError: The service reports another voice, speed or format.
    """
    asked = wanted["session"]["audio"]["output"]
    given = _in(_in(_in(event, "session"), "audio"), "output")
    for name, value in asked.items():
        if given.get(name) is not None and not _same(given[name], value):
            said = f"the session has {name} {given[name]!r:.60} instead of {value!r:.60}"
            raise RefusedError("session.updated", {"code": "invalid_value", "param": name, "message": said})


def _same(given: Any, asked: Any) -> bool:
    """Return whether a setting is the requested one; services may omit parts of it, or send only an id."""
    if isinstance(asked, dict):
        if not isinstance(given, dict):
            return given in asked.values()
        return all(given.get(name, value) == value for name, value in asked.items())
    return bool(given == asked)


def _in(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of an event, or an empty one if it is missing or not an object."""
    part = value.get(name)
    return part if isinstance(part, dict) else {}
