"""The first-party synthesizers by their class names, imported on first use.

    from russo.synthesizers import LocalSynthesizer

needs only the package of that backend.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from russo_elevenlabs import ElevenLabsSynthesizer as ElevenLabsSynthesizer
    from russo_google import GoogleSynthesizer as GoogleSynthesizer
    from russo_local import LocalSynthesizer as LocalSynthesizer
    from russo_openai import OpenAISpeechSynthesizer as OpenAISpeechSynthesizer
    from russo_openai import OpenAISynthesizer as OpenAISynthesizer

else:
    _PACKAGES: Final = {
        "ElevenLabsSynthesizer": ("russo_elevenlabs", "elevenlabs"),
        "GoogleSynthesizer": ("russo_google", "google"),
        "LocalSynthesizer": ("russo_local", "local"),
        "OpenAISpeechSynthesizer": ("russo_openai", "openai"),
        "OpenAISynthesizer": ("russo_openai", "openai"),
    }

    def __getattr__(name: str) -> Any:
        if name not in _PACKAGES:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_PACKAGES)}"
            )
        import importlib

        package, extra = _PACKAGES[name]
        try:
            module = importlib.import_module(package)
        except ModuleNotFoundError as error:
            if error.name != package:  # the package is installed, but a package that it imports is not
                raise
            message = f'{name} is not installed: pip install "russo-core[{extra}]"'
            raise ModuleNotFoundError(message, name=package) from error
        return getattr(module, name)

    def __dir__() -> list[str]:
        from importlib.util import find_spec

        return [name for name, (package, _) in _PACKAGES.items() if find_spec(package) is not None]
