"""Audio on its way to the report: its digest, and a temporary cache for what no cache of the run has."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xxhash import xxh3_128

from .._foreign import shown

if TYPE_CHECKING:
    from .._audio import Audio
    from .._store.cache import AudioCache

_log = logging.getLogger(__name__)


def digest_of(audio: Audio) -> str:
    """Return a digest of the audio's bytes and format, which is also its key in the spare cache."""
    meaning = f"{audio.format} {audio.sample_rate} {audio.channels} {audio.sample_width}"
    digest = xxh3_128(meaning.encode())
    digest.update(audio.data)
    return digest.hexdigest()


def is_kept(spare: AudioCache, digest: str, audio: Audio) -> bool:
    """Store audio in the spare cache; return whether it is stored. A cache refuses data that is not audio."""
    try:
        return spare.put(digest, audio)
    except ValueError as error:
        _log.warning("audio of the report is not stored: %s", shown(str(error)))
        return False
