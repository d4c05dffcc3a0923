"""Why the contract wants what it wants: the reasons that more than one check gives."""

from __future__ import annotations

from typing import Final

FOUND_BY_NAME: Final = "pytest --russo-synth and load_synthesizer find a backend by that name alone"
STALE_KEY: Final = "settings that are not in the key replay the old voice when they are changed"
OTHER_VOICE: Final = "one voice would be stored, and replayed, for another"
SETTING_WITHOUT_EFFECT: Final = (
    "users would hear that their setting does nothing, and pay for it under another key"
)
LEFT_BEHIND: Final = (
    "tests have loops of their own: what stays behind warns, leaks or makes backend calls in another test"
)
MAY_BE_BILLED: Final = "every attempt may be billed; russo.authoring.Attempts decides it for all backends"
ERROR_CLASS: Final = "users, the retries and the summary act on the class; russo.authoring.Exchange builds it"
CREDENTIAL_LEAK: Final = "messages, logs and reports end in CI's output, in bug reports and in mails"
