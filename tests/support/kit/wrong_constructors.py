"""Engines that do too much at construction or replay, or that work only in the process of the tests."""

from russo.testing import BackendContract
from support.kit.wrong import AFRESH, REPLAY, Wrong

WRONG_CONSTRUCTORS = {
    "declares a later contract": Wrong(
        "russo_api = 1",
        "russo_api = 2",
        {
            AFRESH,
            BackendContract.test_plugin_contract_fits,
            BackendContract.test_entry_point_leads_to_the_class,
        },
        "russo_api is absent or a whole number from 1 to 1",
    ),
    "is constructed only under pytest": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        if "pytest" not in __import__("sys").modules: raise OSError("no daemon")',
        {AFRESH},
        "russo.load_synthesizer('engine') makes a synthesizer in a fresh process",
    ),
    "imports the SDK at construction": Wrong(
        "import asyncio",
        "import asyncio\nimport engine_sdk",
        {BackendContract.test_constructing_imports_no_sdk, REPLAY},
        "['engine_sdk'] are loaded",
    ),
    "opens a socket at construction": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("socket").socket().close()',
        {BackendContract.test_constructing_opens_no_socket, REPLAY},
        "no socket is opened",
    ),
    "runs a command at construction": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("subprocess").run(["true"])',
        {BackendContract.test_constructing_starts_no_process, REPLAY},
        "no process and no thread is started",
    ),
    "starts a thread at construction": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        threading = __import__("threading")\n'
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()",
        {BackendContract.test_constructing_starts_no_process, REPLAY},
        "no process and no thread is started",
    ),
    "opens a file at construction": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        path = __import__("os").path.expanduser("~/.engine")\n'
        "        try:\n            open(path)\n        except OSError:\n            pass",
        {BackendContract.test_constructing_opens_no_file_of_the_user},
        "no file of the user is opened",
    ),
    "reads an undeclared key variable at construction": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key or __import__("os").environ.get("ENGINE_ACCESS_TOKEN")',
        {BackendContract.test_constructing_reads_no_credential},
        "['ENGINE_ACCESS_TOKEN'] are read",
    ),
    "reads its key at construction": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key or __import__("os").environ.get("ENGINE_KEY")',
        {BackendContract.test_constructing_reads_no_credential, REPLAY},
        "no credential is read",
    ),
    "has another cache key in every process": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "version": hash("1.0")}',
        {BackendContract.test_cache_key_extra_is_the_same_in_every_process, REPLAY},
        "cache_key_extra is the same in every process",
    ),
    "has another cache key on every machine": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "model": __import__("os").path.abspath("model")}',
        {BackendContract.test_cache_key_extra_is_the_same_in_every_process},
        "cache_key_extra is the same in every process and on every machine",
    ),
    "runs a program for its cache key": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "version": __import__("subprocess").check_output(["echo", "1"], text=True)}',
        {BackendContract.test_constructing_starts_no_process, REPLAY},
        "constructing a synthesizer and reading its cache_key_extra leaves all possible work",
    ),
    "needs the SDK's metadata for its cache key": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "sdk": __import__("importlib.metadata").metadata.version("engine-sdk")}',
        {REPLAY},
        "importlib.metadata.PackageNotFoundError: No package metadata was found for engine-sdk",
    ),
    "needs the SDK for its cache key": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "sdk": str(__import__("importlib.util").util.find_spec("engine_sdk").name)}',
        {REPLAY},
        "a replay needs only the cache",
    ),
}
