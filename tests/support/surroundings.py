"""Variables that are removed from the environment of the tests."""

_PREFIXES = ("RUSSO_", "PYTEST_", "AWS_", "AZURE_", "GOOGLE_", "GEMINI_", "OPENAI_", "ELEVENLABS_", "XDG_")
# With one of the first two, pytest does not shorten its output; the others color it.
_NAMES = frozenset({"CI", "BUILD_NUMBER", "FORCE_COLOR", "PY_COLORS", "NO_COLOR"})


def is_foreign(name):
    """Return whether an environment variable is a setting, a key or a proxy, or changes pytest's output."""
    return name.startswith(_PREFIXES) or name in _NAMES or name.lower().endswith("_proxy")
