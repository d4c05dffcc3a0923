"""What the environment of whoever runs the suite holds, and no test may see."""

_PREFIXES = ("RUSSO_", "PYTEST_", "GOOGLE_", "GEMINI_", "OPENAI_", "ELEVENLABS_", "XDG_")
# pytest shortens nothing where one of the first two is set; the others colour what it prints.
_NAMES = frozenset({"CI", "BUILD_NUMBER", "FORCE_COLOR", "PY_COLORS", "NO_COLOR"})


def is_foreign(name):
    """Tell whether an environment variable is a setting, a key, a proxy, or changes what pytest prints."""
    return name.startswith(_PREFIXES) or name in _NAMES or name.lower().endswith("_proxy")
