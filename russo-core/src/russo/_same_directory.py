"""Whether two paths name one directory."""

import os
from pathlib import Path


def is_same_directory(one: Path, other: Path) -> bool:
    """Return whether two paths name one directory, also by a link, another case or a bind mount.

    Of a directory that does not exist, the name and the parent are compared.
    """
    try:
        return one.samefile(other)
    except OSError:
        one, other = Path(os.path.realpath(one)), Path(os.path.realpath(other))
        if one == other:
            return True
        has_parents = one.parent != one and other.parent != other
        return has_parents and one.name == other.name and is_same_directory(one.parent, other.parent)
