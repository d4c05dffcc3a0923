"""Patches that add one fault each to the store, and the checks that must catch it."""

from collections.abc import Callable, Set
from dataclasses import dataclass

from russo.testing import StoreContract as Contract


@dataclass(frozen=True)
class Wrong:
    """A patch that adds one fault to a store.

    Attributes:
        old: The replaced text, in the source of the store or of its test.
        new: The text that replaces it.
        caught_by: The checks of the contract that must fail.
        says: The text that the checks must print.
        more: Further patches, as pairs of old and new.
    """

    old: str
    new: str
    caught_by: Set[Callable[..., None]]
    says: str
    more: tuple[tuple[str, str], ...] = ()

    @property
    def patches(self) -> list[tuple[str, str]]:
        """All patches, in order."""
        return [(self.old, self.new), *self.more]


CREATE_ONLY = {
    Contract.test_create_only_put_keeps_the_first_object,
    Contract.test_of_many_first_puts_one_stores,
}
REPLACING = {Contract.test_replacing_put_replaces_the_object}
LISTING = {getattr(Contract, name) for name in dir(Contract) if name.startswith("test_list_")}
# The checks that get an object which does not exist.
MISSING = {
    Contract.test_missing_object_is_none,
    Contract.test_two_stores_see_the_objects_of_each_other,
    Contract.test_new_object_is_seen_whole_or_not_at_all,
    Contract.test_deleted_object_is_gone,
}
OPEN = 'with path.open("rb") as file:\n                return file.read(limit)'
LINK = "os.link(temporary, path)"
SWAP = "os.replace(file.name, path)"
MADE = 'self._token = os.environ.get("BOX_TOKEN", "")'
ROOT = 'self._root = Path(url.removeprefix("box://"))'
FAILED = 'return StoreError(error.strerror or "it failed")'
REFUSED = 'raise StoreError("the token is wrong", kind="refused")'
WAIT = '__import__("time").sleep(0.01)'

WRONG_OBJECTS = {
    "has no put with a keyword": Wrong(
        "def put(self, name, data, *, replace):",
        "def put(self, name, data, replace, /):",
        {getattr(Contract, name) for name in dir(Contract) if name.startswith("test_")}
        - {
            Contract.test_missing_object_is_none,
            Contract.test_making_a_store_opens_no_connection,
            Contract.test_no_credential_is_shown_by_repr_and_url,
        },
        "'replace' parameter is positional only",
    ),
    "raises for a missing object": Wrong(
        "            return None\n",
        '            raise StoreError("it does not exist") from None\n',
        MISSING | {Contract.test_store_says_nothing, Contract.test_nothing_is_left_open},
        "get returns None if the object does not exist",
    ),
    "returns empty bytes for a missing object": Wrong(
        "            return None\n",
        '            return b""\n',
        MISSING,
        "b'' in an empty place",
    ),
    "converts ends of lines": Wrong(
        "return file.read(limit)",
        r'return file.read(limit).replace(b"\r\n", b"\n")',
        {Contract.test_object_comes_back_byte_for_byte},
        "7 bytes instead of 8",
    ),
    "cuts objects at 5 MB": Wrong(
        "file.write(data)",
        "file.write(data[: 5 << 20])",
        {Contract.test_object_comes_back_byte_for_byte},
        "an object comes back byte for byte (6 MB)",
    ),
    "returns a view": Wrong(
        "return file.read(limit)",
        'return memoryview(file.read(limit)) if "v1/ru/" in name else file.read(limit)',
        {Contract.test_names_are_kept_apart},
        "returned memoryview",
    ),
    "ignores the limit": Wrong(
        "file.read(limit)", "file.read()", {Contract.test_limit_cuts_a_larger_object}, "1000 bytes"
    ),
    "misses an object above the limit": Wrong(
        OPEN,
        f"if path.stat().st_size > limit:\n                return None\n            {OPEN}",
        {Contract.test_limit_cuts_a_larger_object},
        "get with limit 1 returns 1 of 1000 bytes",
    ),
    "shortens names": Wrong(
        "return self._root / name",
        "return self._root / name[:38]",
        {
            Contract.test_names_are_kept_apart,
            Contract.test_list_has_the_name_and_size_of_each_object,
            Contract.test_list_is_limited_to_the_prefix,
            Contract.test_list_goes_on_after_its_first_page,
        },
        "is kept apart from objects of similar names",
    ),
    "replaces on a create-only put": Wrong(
        LINK,
        "os.replace(temporary, path)\n            open(temporary, 'w').close()",
        CREATE_ONLY,
        "True for a second object",
    ),
    "hides that there is an object": Wrong(
        "            return False\n", "            return True\n", CREATE_ONLY, "6 returned True"
    ),
    "says False and replaces": Wrong(
        "            return False\n",
        "            os.link(temporary, f'{temporary}2')\n            os.replace(f'{temporary}2', path)\n"
        "            return False\n",
        CREATE_ONLY,
        "put returned False, but replaced the first object",
    ),
    "looks before it puts": Wrong(
        LINK,
        f"if path.exists():\n                raise FileExistsError\n            {WAIT}\n"
        "            os.replace(temporary, path)\n            open(temporary, 'w').close()",
        {Contract.test_of_many_first_puts_one_stores},
        "of 6 create-only puts of one name at once, exactly one returns True",
    ),
    "returns nothing after it has replaced": Wrong(
        f"{SWAP}\n                return True",
        f"{SWAP}\n                return None",
        REPLACING
        | {
            Contract.test_replaced_object_is_seen_by_another_store,
            Contract.test_replaced_object_is_seen_whole,
        },
        "returned None",
    ),
    "does not replace": Wrong(
        "if replace:",
        "if replace and not path.exists():",
        REPLACING
        | {
            Contract.test_replaced_object_is_seen_by_another_store,
        },
        "put with `replace` returns True",
    ),
    "leaves the end of a longer object": Wrong(
        SWAP,
        "old = path.read_bytes() if path.exists() else b''\n"
        "                Path(file.name).write_bytes(data + old[len(data):])\n"
        f"                {SWAP}",
        REPLACING | {Contract.test_replaced_object_is_seen_whole},
        "3000 bytes instead of 1000",
    ),
    "raises if it deletes nothing": Wrong(
        "unlink(missing_ok=True)", "unlink()", {Contract.test_deleted_object_is_gone}, "FileNotFoundError"
    ),
    "deletes nothing": Wrong(
        "self._path(name).unlink(missing_ok=True)",
        "self._path(name)",
        {Contract.test_deleted_object_is_gone},
        "get still returns it",
    ),
    "deletes a folder": Wrong(
        "self._path(name).unlink(missing_ok=True)",
        "__import__('shutil').rmtree(self._path(name).parents[1], ignore_errors=True)",
        {Contract.test_deleted_object_is_gone},
        "another object is gone, too",
    ),
}
WRONG_LISTS = {
    "lists the last part of names": Wrong(
        "yield StoredObject(name,",
        "yield StoredObject(path.name,",
        LISTING - {Contract.test_list_has_the_time_of_each_object},
        "list yields each object once: its name as it was given to put",
    ),
    "ignores the prefix": Wrong(
        "path.is_file() and name.startswith(prefix)",
        "path.is_file()",
        {Contract.test_list_is_limited_to_the_prefix},
        "yields the objects below it only",
    ),
    "lists each object twice": Wrong(
        "about = path.stat()",
        "about = path.stat()\n                yield StoredObject(name, about.st_size)",
        {
            Contract.test_list_has_the_name_and_size_of_each_object,
            Contract.test_list_is_limited_to_the_prefix,
        },
        "(24) instead of",
    ),
    "has milliseconds": Wrong(
        "about.st_mtime)",
        "about.st_mtime * 1000)",
        {Contract.test_list_has_the_time_of_each_object},
        "in seconds since 1970",
    ),
    "lists one page": Wrong(
        'sorted(self._root.glob("v1/**/*"))',
        'sorted(self._root.glob("v1/*/*"))[:30]',
        {Contract.test_list_goes_on_after_its_first_page},
        "list yields all of 31 objects",
    ),
    "lists pairs": Wrong(
        "yield StoredObject(name, about.st_size, about.st_mtime)",
        "yield name, about.st_size",
        LISTING,
        "list yields russo.StoredObject",
    ),
}
WRONG_SHARING = {
    "remembers what is missing": Wrong(
        "            return None\n",
        "            self.missing = {*getattr(self, 'missing', ()), name}\n            return None\n",
        {Contract.test_two_stores_see_the_objects_of_each_other},
        "also if it has missed it before",
        (
            (
                OPEN,
                f"if name in getattr(self, 'missing', ()):\n                return None\n            {OPEN}",
            ),
        ),
    ),
    "remembers objects": Wrong(
        "return file.read(limit)",
        "return self.__dict__.setdefault('copies', {}).setdefault((name, limit), file.read(limit))",
        {
            Contract.test_replaced_object_is_seen_by_another_store,
            *REPLACING,
        },
        "a store keeps no copy of an object",
    ),
    "has a place of its own": Wrong(
        ROOT,
        f"{ROOT} / str(id(self))",
        {
            Contract.test_two_stores_see_the_objects_of_each_other,
            Contract.test_replaced_object_is_seen_by_another_store,
            Contract.test_speech_of_one_machine_is_a_hit_on_another,
            Contract.test_of_many_first_puts_one_stores,
            Contract.test_replaced_object_is_seen_whole,
            Contract.test_entry_point_opens_the_store_of_a_url,
            Contract.test_refusal_is_refused,
        },
        "1 backend calls of the first machine, 1 of the second one",
    ),
    "loses what is put by a later process": Wrong(
        "if replace:",
        "if b'wav' in data:\n                return True\n            if replace:",
        {Contract.test_speech_of_one_machine_is_a_hit_on_another},
        "gets the audio of the first machine from the store",
    ),
    "belongs to a thread": Wrong(
        "path = self._path(name)\n        try:\n            path.parent",
        "import threading\n        me = self.__dict__.setdefault('thread', threading.get_ident())\n"
        "        if me != threading.get_ident():\n            raise RuntimeError('made in another thread')\n"
        "        path = self._path(name)\n        try:\n            path.parent",
        {
            Contract.test_many_threads_use_one_store,
            Contract.test_of_many_first_puts_one_stores,
            Contract.test_list_goes_on_after_its_first_page,
        },
        "an error is a russo.StoreError",
    ),
    "belongs to an event loop": Wrong(
        "path = self._path(name)\n        try:\n            with path",
        "if __import__('threading').current_thread().name.startswith('asyncio'):\n"
        "            raise RuntimeError('the event loop is closed')\n"
        "        path = self._path(name)\n        try:\n            with path",
        {Contract.test_store_works_after_event_loops_have_ended},
        "the event loop is closed",
    ),
    "has one buffer for all threads": Wrong(
        "path = self._path(name)\n        try:\n            path.parent",
        f"self.data = data\n        {WAIT}\n        data = self.data\n"
        "        path = self._path(name)\n        try:\n            path.parent",
        {Contract.test_many_threads_use_one_store},
        "got another object",
    ),
    "writes an object in place": Wrong(
        LINK,
        "with open(path, 'xb') as file:\n"
        "                data = Path(temporary).read_bytes()\n"
        "                file.write(data[: len(data) // 2])\n                file.flush()\n"
        f"                {WAIT}\n                file.write(data[len(data) // 2 :])",
        {Contract.test_new_object_is_seen_whole_or_not_at_all},
        "a reader never gets a part of an object",
    ),
    "removes before it replaces": Wrong(
        SWAP,
        f"path.unlink(missing_ok=True)\n                {WAIT}\n                {SWAP}",
        {Contract.test_replaced_object_is_seen_whole},
        "a get returned no object meanwhile",
    ),
}
WRONG_MANNERS = {
    "connects when it is made": Wrong(
        MADE,
        f"{MADE}\n        __import__('sqlite3').connect(':memory:').close()",
        {Contract.test_making_a_store_opens_no_connection},
        "sqlite3.connect(':memory:',)",
    ),
    "closes only once": Wrong(
        "    def close(self):\n        pass",
        "    def close(self):\n        del self.url",
        {Contract.test_closing_at_any_time},
        "close() returns, or raises a russo.StoreError",
    ),
    "is found under another scheme": Wrong(
        'def store_url(self, tmp_path):\n        return f"box://',
        'def store_url(self, tmp_path):\n        return f"bax://',
        {Contract.test_entry_point_opens_the_store_of_a_url},
        "'bax'",
    ),
    "shows the token in its repr": Wrong(
        'return f"BoxStore({self.url!r})"',
        'return f"BoxStore({self.url!r}, {self._token!r})"',
        {Contract.test_no_credential_is_shown_by_repr_and_url},
        "repr() of the store shows no credential",
    ),
    "prints": Wrong(
        "path = self._path(name)\n        try:\n            path.parent",
        "print('put', name)\n        path = self._path(name)\n        try:\n            path.parent",
        {Contract.test_store_says_nothing},
        "a store prints nothing",
    ),
    "leaves a file open": Wrong(
        OPEN,
        'return open(path, "rb").read(limit)',
        {Contract.test_nothing_is_left_open, Contract.test_store_says_nothing},
        "a store closes what a call opens",
    ),
    "raises the error of the system": Wrong(
        FAILED, "return error", {Contract.test_unreachable_store_is_an_outage}, "NotADirectoryError"
    ),
    "is empty if it cannot be reached": Wrong(
        "raise self._outage(error) from None\n        if token",
        "return Path('/nowhere')\n        if token",
        {Contract.test_unreachable_store_is_an_outage},
        "it returned None",
    ),
    "never answers if it cannot be reached": Wrong(
        FAILED,
        "__import__('threading').Event().wait()",
        {Contract.test_unreachable_store_is_an_outage},
        "give the client of the store a time limit",
        (("patience = 10.0", "patience = 0.5"),),
    ),
    "refuses if it cannot be reached": Wrong(
        FAILED,
        'return StoreError("it failed", kind="refused")',
        {Contract.test_unreachable_store_is_an_outage},
        "the kind of the error is 'outage'",
    ),
    "is out if it refuses": Wrong(
        REFUSED,
        'raise StoreError("the token is wrong")',
        {Contract.test_refusal_is_refused},
        "the kind of the error is 'refused'",
    ),
    "shows the token in an error": Wrong(
        REFUSED,
        'raise StoreError(f"the token {self._token} is wrong", kind="refused")',
        {Contract.test_refusal_is_refused},
        "show no credential",
    ),
    "shows the token in the error behind an error": Wrong(
        REFUSED,
        'raise StoreError("the token is wrong", kind="refused") from ValueError(self._token)',
        {Contract.test_refusal_is_refused},
        "raise it `from None`",
    ),
    "logs the token": Wrong(
        REFUSED,
        f'__import__("logging").getLogger("box").info("token %s", self._token)\n            {REFUSED}',
        {Contract.test_refusal_is_refused},
        "logs, prints and warns without a credential",
    ),
    "gives no reason": Wrong(
        REFUSED,
        'raise StoreError("", kind="refused")',
        {Contract.test_refusal_is_refused},
        "the reason of an error is one line",
    ),
    "gives a reason of two lines": Wrong(
        REFUSED,
        r'raise StoreError("the token\nis wrong", kind="refused")',
        {Contract.test_refusal_is_refused},
        "the reason of an error is one line",
    ),
}
WRONG_STORES = WRONG_OBJECTS | WRONG_LISTS | WRONG_SHARING | WRONG_MANNERS
