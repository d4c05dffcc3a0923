"""Variables of the caller's environment that no test may see."""

_PREFIXES = ("RUSSO_", "PYTEST_", "GOOGLE_", "GEMINI_", "OPENAI_", "ELEVENLABS_", "XDG_")
# If one of the first two is set, pytest shortens nothing; the others colour its output.
_NAMES = frozenset({"CI", "BUILD_NUMBER", "FORCE_COLOR", "PY_COLORS", "NO_COLOR"})


def is_foreign(name):
    """Return whether an environment variable is a setting, a key or a proxy, or changes what pytest prints."""
    return name.startswith(_PREFIXES) or name in _NAMES or name.lower().endswith("_proxy")
