"""russo generates and caches speech for voice-agent tests.

A prompt becomes a key, the key is looked up, and on a miss a backend makes audio, which is stored. Names
are imported on first use, so that a test run which does not use russo does not load it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._audio import Audio as Audio
    from ._backends.discovery import load_synthesizer as load_synthesizer
    from ._backends.synthesizer import Synthesizer as Synthesizer
    from ._errors import AuthenticationError as AuthenticationError
    from ._errors import BackendConfigError as BackendConfigError
    from ._errors import BackendNotFoundError as BackendNotFoundError
    from ._errors import BudgetExceededError as BudgetExceededError
    from ._errors import CacheMissError as CacheMissError
    from ._errors import NoAudioError as NoAudioError
    from ._errors import QuotaExceededError as QuotaExceededError
    from ._errors import RateLimitError as RateLimitError
    from ._errors import RequestRejectedError as RequestRejectedError
    from ._errors import RussoError as RussoError
    from ._errors import ServiceError as ServiceError
    from ._errors import StoreError as StoreError
    from ._errors import SynthesisError as SynthesisError
    from ._errors import SynthesisTimeoutError as SynthesisTimeoutError
    from ._errors import TextRejectedError as TextRejectedError
    from ._events import CacheHit as CacheHit
    from ._events import CacheMiss as CacheMiss
    from ._events import EntryDamaged as EntryDamaged
    from ._events import EntryStored as EntryStored
    from ._events import RemoteLookup as RemoteLookup
    from ._events import RemoteUpload as RemoteUpload
    from ._events import StoreFailed as StoreFailed
    from ._events import SynthesisFinish as SynthesisFinish
    from ._events import SynthesisStart as SynthesisStart
    from ._flow.cached import CachedSynthesizer as CachedSynthesizer
    from ._hooks import plugin_manager as plugin_manager
    from ._mode import Mode as Mode
    from ._mode import ModeName as ModeName
    from ._remote.remote import RemoteCache as RemoteCache
    from ._remote.store import Store as Store
    from ._remote.store import StoredObject as StoredObject
    from ._report.attachments import RunReport as RunReport
    from ._say import Say as Say
    from ._store.cache import AudioCache as AudioCache
    from ._store.cache import Miss as Miss
    from ._store.key import cache_key as cache_key
    from ._store.layered import Cache as Cache
    from ._store.layered import LayeredCache as LayeredCache
    from .hookspecs import hookimpl as hookimpl

    __version__: str

else:
    _MODULES = {
        "_audio": "Audio",
        "_backends.discovery": "load_synthesizer",
        "_backends.synthesizer": "Synthesizer",
        "_errors": "AuthenticationError BackendConfigError BackendNotFoundError BudgetExceededError "
        "CacheMissError NoAudioError QuotaExceededError RateLimitError RequestRejectedError RussoError "
        "ServiceError StoreError SynthesisError SynthesisTimeoutError TextRejectedError",
        "_events": "CacheHit CacheMiss EntryDamaged EntryStored RemoteLookup RemoteUpload StoreFailed "
        "SynthesisFinish SynthesisStart",
        "_hooks": "plugin_manager",
        "_flow.cached": "CachedSynthesizer",
        "_mode": "Mode ModeName",
        "_remote.remote": "RemoteCache",
        "_remote.store": "Store StoredObject",
        "_report.attachments": "RunReport",
        "_say": "Say",
        "_store.cache": "AudioCache Miss",
        "_store.key": "cache_key",
        "_store.layered": "Cache LayeredCache",
        "hookspecs": "hookimpl",
    }
    _HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}
    __all__ = list(_HOMES)

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("russo-core")
        if name not in _HOMES:
            raise AttributeError(f"module 'russo' has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*_HOMES, "__version__"])
