"""One entry, and the files of a cache's directory."""

from russo import cache_key
from support.speakers import sound

KEY = cache_key("hello", None, None)
AUDIO = sound("hello")
GIT_FILES = {
    ".gitattributes": b"*.audio -text -diff\n*.meta -text\n",
    ".gitignore": b"*.russo-tmp\n.russo-locks/\n",
}


def files_in(directory):
    """Return every file below a directory with its bytes."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def entry_files(directory):
    """Return the files with their bytes, without .gitattributes and .gitignore."""
    return {name: data for name, data in files_in(directory).items() if name not in GIT_FILES}


def empty_meta(path):
    """Truncate the metadata of an entry; its path has no suffix."""
    path.with_suffix(".meta").write_bytes(b"")
