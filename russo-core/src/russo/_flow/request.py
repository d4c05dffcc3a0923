"""`Request`: one prompt on its way through the flow, and the events and errors that describe it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .._audio import Audio, check_format
from .._backends.backend_call import BackendCall
from .._backends.synthesizer import Synthesizer
from .._errors import CacheMissError, NoAudioError, SynthesisError
from .._events import CacheMiss, Event
from .._fields import Fields, backend_of, frozen
from .._hooks import is_implemented, notify, plugin_manager
from .._mode import Mode
from .._store.cache import Miss
from .._store.layered import Cache
from .run import Refreshed, RunContext

if TYPE_CHECKING:
    from .._remote.results import Fetched

_log = logging.getLogger(__name__)
EventT = TypeVar("EventT", bound=Event)


@dataclass(slots=True, eq=False)
class Request:
    """One prompt on its way.

    Attributes:
        prompt: The exact prompt.
        key: Its cache key.
        synthesizer: The synthesizer that is called on a miss.
        class_name: The class name of the synthesizer.
        fields: The fields of the key, as they are stored: ``own`` and ``given``.
        declares_settings: Whether the synthesizer declares its settings.
        outer: The backend call that makes this request, if any.
        cache: The cache it uses.
        mode: The mode that applies.
        context: The run it belongs to, if any.
        refreshed: The keys that mode ``refresh`` has synthesized again.
        is_absent: Whether the last search found no entry of the key in any layer, not even a damaged one.
    """

    prompt: str
    key: str
    synthesizer: Synthesizer
    class_name: str
    fields: Mapping[str, Any]
    declares_settings: bool
    outer: BackendCall | None
    cache: Cache
    mode: Mode
    context: RunContext | None
    refreshed: Refreshed
    is_absent: bool = False
    _frozen_fields: Fields | None = None

    @property
    def backend(self) -> str:
        """The name of the backend, or of the synthesizer's class."""
        return backend_of(self.fields) or self.class_name

    @property
    def is_due(self) -> bool:
        """Whether mode ``refresh`` must still synthesize the key again."""
        return self.mode is Mode.REFRESH and self.key not in self.refreshed

    @property
    def enclosing_keys(self) -> frozenset[str]:
        """The keys of the backend calls that enclose this request."""
        return self.outer.keys if self.outer is not None else frozenset()

    def notify(self, kind: type[EventT], **values: Any) -> None:
        """Call the hook of this kind of event, if anything implements it."""
        context = self.context
        managers = [plugin_manager()]
        if context is not None and context.manager is not None:
            managers.append(context.manager)
        listening = [manager for manager in managers if is_implemented(manager, kind)]
        if not listening:
            return
        if self._frozen_fields is None:
            self._frozen_fields = frozen(self.fields)
        event = kind(
            prompt=self.prompt,
            key=self.key,
            synthesizer=self.class_name,
            backend=backend_of(self.fields),
            fields=self._frozen_fields,
            declares_settings=self.declares_settings,
            nested=self.outer is not None,
            **values,
        )
        for manager in listening:
            notify(manager, event, context.report if context is not None else _log.warning)

    def replay_miss(self, miss: Miss, remote: Fetched | None = None) -> CacheMissError:
        """Build the error of a miss in mode ``replay``, and call the hook.

        Args:
            miss: Why no layer of the cache has the prompt.
            remote: The result of the lookup in the shared store, if there is one.
        """
        from .explain import explain_miss

        error = explain_miss(self.prompt, self.key, self.fields, self.cache, miss, remote=remote)
        self.notify(CacheMiss, reason=miss.reason, error=error)
        return error

    def error(self, kind: type[SynthesisError], what: str, **details: Any) -> SynthesisError:
        """Build an error that names this request's backend, or its synthesizer's class, and its prompt."""
        return kind(what, backend=self.backend, prompt=self.prompt, **details)

    def check_audio(self, reply: object) -> Audio:
        """Return the reply of a synthesizer, if it is audio.

        Raises:
            NoAudioError: The reply is not an `Audio`, is empty, or is raw samples whose format is ``wav``.
        """
        if not isinstance(reply, Audio):
            raise self.error(
                NoAudioError,
                f"{self.class_name}.synthesize returned {type(reply).__name__}",
                advice="it must return a russo.Audio",
                retryable=False,
            )
        if not reply.data:
            raise self.error(NoAudioError, "the audio is empty")
        try:
            check_format(reply)
        except ValueError as error:
            what = f"{self.class_name}.synthesize returned audio that no player opens: {error}"
            raise self.error(
                NoAudioError,
                what,
                advice='for raw samples return Audio(samples, format="pcm", sample_rate=...)',
                retryable=False,
            ) from error
        return reply


def declared_fields(synthesizer: object) -> tuple[Fields, bool]:
    """Return the settings that shape a synthesizer's sound, and whether it declares them itself.

    If a class declares none, its module and qualified name are used.

    Raises:
        TypeError: Its ``cache_key_extra`` is not a mapping.
    """
    own = getattr(synthesizer, "cache_key_extra", None)
    kind = type(synthesizer)
    if own is None:
        return {"class": f"{kind.__module__}.{kind.__qualname__}"}, False
    if not isinstance(own, Mapping):
        raise TypeError(
            f"{kind.__name__}.cache_key_extra is {type(own).__name__}, not a mapping of names to JSON values"
        )
    return own, True
