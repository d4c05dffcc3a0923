"""Engines that do too much when they are constructed or replayed, or only work in the tests' process."""

from russo.testing import BackendContract
from support.kit.wrong import AFRESH, REPLAY, Wrong

WRONG_CONSTRUCTORS = {
    "a later contract": Wrong(
        "russo_api = 1",
        "russo_api = 2",
        {
            AFRESH,
            BackendContract.test_plugin_contract_fits,
            BackendContract.test_entry_point_leads_to_the_class,
        },
        "russo_api is absent or a whole number from 1 to 1",
    ),
    "made in tests only": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        if "pytest" not in __import__("sys").modules: raise OSError("no daemon")',
        {AFRESH},
        "russo.load_synthesizer('engine') makes a synthesizer in a fresh process",
    ),
    "eager import": Wrong(
        "import asyncio",
        "import asyncio\nimport engine_sdk",
        {BackendContract.test_constructing_imports_no_sdk, REPLAY},
        "['engine_sdk'] are loaded",
    ),
    "eager socket": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("socket").socket().close()',
        {BackendContract.test_constructing_opens_no_socket, REPLAY},
        "no socket is opened",
    ),
    "eager command": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("subprocess").run(["true"])',
        {BackendContract.test_constructing_starts_no_process, REPLAY},
        "no process and no thread is started",
    ),
    "an eager thread": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        threading = __import__("threading")\n'
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()",
        {BackendContract.test_constructing_starts_no_process, REPLAY},
        "no process and no thread is started",
    ),
    "an eager file": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        path = __import__("os").path.expanduser("~/.engine")\n'
        "        try:\n            open(path)\n        except OSError:\n            pass",
        {BackendContract.test_constructing_opens_no_file_of_the_user},
        "no file of the user is opened",
    ),
    "an eager key of another name": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key or __import__("os").environ.get("ENGINE_ACCESS_TOKEN")',
        {BackendContract.test_constructing_reads_no_credential},
        "['ENGINE_ACCESS_TOKEN'] are read",
    ),
    "eager key": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key or __import__("os").environ.get("ENGINE_KEY")',
        {BackendContract.test_constructing_reads_no_credential, REPLAY},
        "no credential is read",
    ),
    "another key in every process": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "version": hash("1.0")}',
        {BackendContract.test_cache_key_extra_is_the_same_in_every_process, REPLAY},
        "cache_key_extra is the same in every process",
    ),
    "another machine": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "model": __import__("os").path.abspath("model")}',
        {BackendContract.test_cache_key_extra_is_the_same_in_every_process},
        "cache_key_extra is the same in every process and on every machine",
    ),
    "a program for its version": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "version": __import__("subprocess").check_output(["echo", "1"], text=True)}',
        {BackendContract.test_constructing_starts_no_process, REPLAY},
        "constructing a synthesizer and reading its cache_key_extra leaves all possible work",
    ),
    "a key that needs the SDK's metadata": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "sdk": __import__("importlib.metadata").metadata.version("engine-sdk")}',
        {REPLAY},
        "importlib.metadata.PackageNotFoundError: No package metadata was found for engine-sdk",
    ),
    "a key that needs the SDK": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "sdk": str(__import__("importlib.util").util.find_spec("engine_sdk").name)}',
        {REPLAY},
        "a replay needs only the cache",
    ),
}
