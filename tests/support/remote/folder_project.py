"""A package that a test writes, with a shared store in a folder: it notes each call, and fails on demand."""

from pathlib import Path
from textwrap import dedent

from russo import Audio, AudioCache
from russo._backends import entry_points
from russo._remote.objects import pack, unpack
from russo._store.cache import read_entry, store

# `trouble` has the kind of the StoreError that each call raises. With `before-put.py`, each put runs that code.
FOLDER_STORE = """
    import os
    from pathlib import Path
    from russo import StoreError

    class FolderStore:
        def __init__(self, url):
            self.url, self.root = url, Path(url.removeprefix("folder://"))

        def get(self, name, limit):
            self.begin("get", name)
            try:
                return (self.root / name).read_bytes()[:limit]
            except FileNotFoundError:
                return None

        def put(self, name, data, *, replace):
            self.begin("put", name)
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            part.write_bytes(data)
            try:
                (os.replace if replace else os.link)(part, path)
            except FileExistsError:
                return False
            finally:
                part.unlink(missing_ok=True)
            return True

        def begin(self, call, name):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / "calls.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, f"{call} {name}\\n".encode())
            os.close(descriptor)
            hook, trouble = self.root / f"before-{call}.py", self.root / "trouble"
            if name != "v1/russo" and hook.exists():
                exec(hook.read_text(), {"name": name, "root": self.root})
            if trouble.exists():
                raise StoreError("it is down", kind=trouble.read_text())
"""


class FolderProject:
    """The shared store of a `PytestProject`: the scheme ``folder`` is registered by a package in the project.

    Attributes:
        url: The URL of the store.
        root: Its folder.
    """

    def __init__(self, project):
        self.project = project
        self.root: Path = project.path / "shared"
        self.url = f"folder://{self.root}"
        install_store(project.path, "folder_store", "folder", FOLDER_STORE, "FolderStore")
        project.pytester.syspathinsert()
        entry_points.installed_in.cache_clear()  # in-process runs scan the packages again

    def calls(self, kind=""):
        """The calls of the store, in order, without those of the marker."""
        log = self.root / "calls.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if line.startswith(kind) and not line.endswith("v1/russo")]

    def forget_calls(self):
        """Forget the calls of the store so far."""
        (self.root / "calls.txt").unlink(missing_ok=True)

    @property
    def objects(self):
        """The audio of each entry in the store, by its key."""
        paths = self.root.glob("v1/??/*.russo")
        return {path.stem: unpack(path.read_bytes(), path.stem).data for path in paths}

    def trouble(self, kind):
        """Let each call of the store raise an error of a kind; None: let it work again."""
        self.root.mkdir(exist_ok=True)
        if kind is None:
            (self.root / "trouble").unlink()
        else:
            (self.root / "trouble").write_text(kind)

    def before(self, call, code):
        """Run code before each call of a kind. The code knows ``root`` and ``name``."""
        self.root.mkdir(exist_ok=True)
        (self.root / f"before-{call}.py").write_text(dedent(code))

    def let_others_win(self, directory=".russo_cache"):
        """Let another machine store other audio under each key of a cache just before this machine does.

        Returns:
            The audio of the other machine, by its key. ``root / "lost"`` appears at the first lost race.
        """
        winners = self.root / "winners"
        winners.mkdir(parents=True)
        sounds = {}
        for key in self.local(directory):
            sounds[key] = b"the other machine " + key.encode() * 10
            store(AudioCache(winners), key, Audio(sounds[key], "pcm", 8000, 1, 1), prompt=None, fields={})
            (winners / key).write_bytes(pack(read_entry(AudioCache(winners), key)))
        self.before(
            "put",
            """
            import os
            key = name.rpartition("/")[2].removesuffix(".russo")
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(root / "winners" / key, root / name)
            except FileExistsError:
                pass
            (root / "lost").touch()
            """,
        )
        return sounds

    def local(self, directory=".russo_cache"):
        """The audio of each entry in a cache of the project, by its key."""
        cache = AudioCache(self.project.path / directory)
        return {key: cache.get(key).data for key in cache.stored_keys()}

    def forget_local(self, directory=".russo_cache"):
        """Remove the entries of a cache of the project."""
        AudioCache(self.project.path / directory).clear()


def install_store(path, module, scheme, source, target):
    """Write a package that registers a store for a scheme, with its metadata."""
    (path / f"{module}.py").write_text(dedent(source))
    metadata = path / f"{module}-1.0.dist-info"
    metadata.mkdir()
    name = module.replace("_", "-")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[russo.stores]\n{scheme} = {module}:{target}\n")
