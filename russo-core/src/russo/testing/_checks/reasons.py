"""The reasons that more than one check gives."""

from __future__ import annotations

from typing import Final

FOUND_BY_NAME: Final = "pytest --russo-synth and load_synthesizer find a backend only by that name"
STALE_KEY: Final = "if a setting that is not in the key changes, the old audio is replayed"
OTHER_VOICE: Final = "audio of the wrong voice would be stored and replayed"
SETTING_WITHOUT_EFFECT: Final = (
    "the setting would change nothing, but each prompt would be billed again under another key"
)
LEFT_BEHIND: Final = (
    "tests have loops of their own: what a call leaves behind would warn, leak or make backend calls in "
    "another test"
)
MAY_BE_BILLED: Final = (
    "every attempt may be billed; russo.authoring.Attempts decides about retries for all backends"
)
ERROR_CLASS: Final = (
    "users, the retries and the summary depend on the class; russo.authoring.Exchange chooses it"
)
CREDENTIAL_LEAK: Final = "messages, logs and reports appear in the output of CI, in bug reports and in mails"
