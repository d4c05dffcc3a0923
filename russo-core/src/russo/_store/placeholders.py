"""Files that replaced an entry's file: pointers of git tools, merge conflicts, failed downloads.

Such an entry is damaged. The file is recognised only so that the message can say how to repair it.
"""

from __future__ import annotations

import re
from typing import Final

_LFS_POINTER: Final = b"version https://git-lfs"
# An unlocked file has the first form. A locked file is a link, which git writes as text if links are off.
_ANNEX_POINTER: Final = re.compile(rb"/annex/objects/|(?:\.\./)*\.git/annex/objects/")
_CONFLICT: Final = b"<<<<<<< "
_PAGE: Final = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


def found_instead(data: bytes) -> str | None:
    """Return what the bytes of a file are instead of metadata or audio, or ``None`` if they are neither."""
    if data.startswith(_LFS_POINTER):
        return "is a pointer of Git LFS, which `git lfs pull` replaces"
    if _ANNEX_POINTER.match(data):
        return "is a pointer of git-annex, which `git annex get` replaces"
    if data.startswith(_CONFLICT) or b"\n" + _CONFLICT in data:
        return "has a merge conflict of git, which must be resolved"
    if _PAGE.match(data):
        return "is a web page, probably from a failed download"
    return None
