"""The kit, tested by backends that are wrong in one place each."""

import importlib
import re
from dataclasses import dataclass
from textwrap import dedent

import pytest

import contract_subjects
from russo._backends import installed_backends
from russo.testing import BackendContract

ALL = {name for name in dir(BackendContract) if name.startswith("test_")}
PROCESSES = {name for name in ALL if "processes" in getattr(BackendContract, name).__module__}
REQUESTS = {name for name in ALL if re.search("requests|keys", getattr(BackendContract, name).__module__)}
# They wait for real: they are run only where they are to catch.
SLOW = {
    "test_service_that_asks_to_wait_is_waited_for",
    "test_connection_lost_is_retried",
    "test_service_that_falls_silent_is_a_timeout",
}
ODD_TEXT = "test_odd_text_is_spoken_or_refused"
REPLAY = "test_replay_needs_the_cache_alone"
AUDIO = "test_audio_is_what_it_says_it_is"


@dataclass(frozen=True)
class Wrong:
    """What is patched into a backend's source (or its test's), the checks that catch it, and what they say."""

    old: str
    new: str
    caught_by: str
    says: str


ENGINES = {
    "another class": Wrong(
        "lambda **options: EngineSynthesizer(**options)",
        "type('Another', (EngineSynthesizer,), {})",
        "test_entry_point_leads_to_the_class",
        "the entry point 'engine' leads to the class whose synthesizers are checked",
    ),
    "nothing that speaks": Wrong(
        "async def synthesize",
        "async def speak",
        f"test_entry_point_leads_to_the_class {AUDIO} {ODD_TEXT} {REPLAY} test_cancelled_call_ends_by_cancelled_error "
        "test_cancelled_call_leaves_nothing_running test_cache_key_extra_is_the_same_after_speaking "
        "test_closing_at_any_time test_event_loop_goes_on_while_it_speaks test_many_event_loops_one_after_another "
        "test_many_calls_at_once_do_not_disturb_each_other test_nothing_is_left_open "
        "test_synthesizer_speaks_after_a_cancelled_call test_constructing_works_in_a_fresh_process",
        "a synthesizer has a method `async def synthesize(self, text: str) -> Audio`",
    ),
    "a later contract": Wrong(
        "russo_api = 1",
        "russo_api = 2",
        "test_plugin_contract_fits test_entry_point_leads_to_the_class "
        f"test_constructing_works_in_a_fresh_process {REPLAY}",
        "russo_api is absent or a whole number from 1 to 1",
    ),
    "options by place": Wrong(
        "self, *, voice",
        "self, voice",
        "test_options_are_keywords",
        "the class takes keyword options only",
    ),
    "a forgotten option": Wrong(
        "timeout: float = 60.0",
        "timeout: float = 60.0, pitch: int = 0",
        "test_every_option_is_declared_or_undeclared",
        "not named ['pitch']",
    ),
    "an option of another type": Wrong(
        "speed: float = 1.0",
        "speed: int = 1",
        "test_option_can_be_written_as_text",
        "speed=1.5 can be given as text, by its annotation",
    ),
    "declares what JSON has not": Wrong(
        '"voice": self.voice,',
        '"voice": {self.voice},',
        f"test_cache_key_extra_is_json {REPLAY}",
        "cache_key_extra maps names to JSON values",
    ),
    "declares nothing": Wrong(
        "def cache_key_extra",
        "def fields",
        f"test_cache_key_extra_is_json test_cache_key_extra_names_the_backend {REPLAY} "
        "test_cache_key_extra_and_repr_show_no_credential test_cache_key_extra_is_the_same_after_speaking "
        "test_cache_key_extra_is_the_same_in_every_process test_constructing_works_in_a_fresh_process "
        "test_declared_option_changes_the_key test_option_can_be_written_as_text "
        "test_undeclared_options_change_no_key test_whole_number_and_float_make_one_key",
        "cache_key_extra is a mapping of every setting that shapes the sound",
    ),
    "nameless": Wrong(
        '"backend": "engine", ',
        "",
        "test_cache_key_extra_names_the_backend",
        "cache_key_extra has 'backend': 'engine'",
    ),
    "incomplete": Wrong(
        ', "speed": self.speed}',
        "}",
        "test_declared_option_changes_the_key",
        "cache_key_extra changes with the option speed",
    ),
    "a value that is the default": Wrong(
        '"voice": "bert"',
        '"voice": "anna"',
        "test_declared_option_changes_the_key",
        "declared['voice'] in the test class is not the value that is used anyway",
    ),
    "too much": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "timeout": self.calls.timeout}',
        "test_undeclared_options_change_no_key",
        "they change timeout",
    ),
    "a number as it was written": Wrong(
        "float(speed)",
        "speed",
        "test_whole_number_and_float_make_one_key",
        "speed=1 is declared as 1.0 is",
    ),
    "moods": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "spoke": hasattr(self, "spoke")}\n\n'
        "    def __getattribute__(self, name):\n"
        '        if name == "attempt":\n'
        "            self.spoke = True\n"
        "        return super().__getattribute__(name)",
        "test_cache_key_extra_is_the_same_after_speaking",
        "cache_key_extra is the same before and after a call",
    ),
    "declares its key": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "account": self.api_key}',
        "test_cache_key_extra_and_repr_show_no_credential test_undeclared_options_change_no_key",
        "cache_key_extra holds no credential",
    ),
    "shows its key": Wrong(
        "speed={self.speed!r})",
        "speed={self.speed!r}, api_key={self.api_key!r})",
        "test_cache_key_extra_and_repr_show_no_credential",
        "repr holds no credential",
    ),
    "mute about its speed": Wrong(
        ", speed={self.speed!r})",
        ")",
        "test_repr_shows_the_setting",
        "repr shows speed=1.5",
    ),
    "made in tests only": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        if "pytest" not in __import__("sys").modules: raise OSError("no daemon")',
        f"test_constructing_works_in_a_fresh_process {REPLAY}",
        "russo.load_synthesizer('engine') makes a synthesizer in a fresh process",
    ),
    "eager import": Wrong(
        "import asyncio",
        "import asyncio\nimport engine_sdk",
        f"test_constructing_imports_no_sdk {REPLAY}",
        "['engine_sdk'] are loaded",
    ),
    "eager socket": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("socket").socket().close()',
        f"test_constructing_opens_no_socket {REPLAY}",
        "no socket is opened",
    ),
    "eager command": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("subprocess").run(["true"])',
        f"test_constructing_starts_no_process {REPLAY}",
        "no process is started",
    ),
    "eager key": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key or __import__("os").environ.get("ENGINE_KEY")',
        f"test_constructing_reads_no_credential {REPLAY}",
        "no credential is read",
    ),
    "another key in every process": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "version": hash("1.0")}',
        f"test_cache_key_extra_is_the_same_in_every_process {REPLAY}",
        "cache_key_extra is the same in every process",
    ),
    "not every text": Wrong(
        "if not text.strip():",
        'if not text.isprintable():\n            raise ValueError("control characters")\n        if not text.strip():',
        ODD_TEXT,
        "is spoken, or refused by a russo.SynthesisError",
    ),
    "a text that never ends": Wrong(
        "if not text.strip():",
        'if "\\0" in text:\n            await asyncio.sleep(60)\n        if not text.strip():',
        ODD_TEXT,
        "a call ends, with audio or an error, within 2 s",
    ),
    "an error of another text": Wrong(
        "prompt=text, reached=False",
        'prompt="", reached=False',
        ODD_TEXT,
        "an error carries the backend 'engine' and the exact prompt",
    ),
    "one event loop": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "self.loop = getattr(self, 'loop', asyncio.get_running_loop())\n"
        "        if self.loop is not asyncio.get_running_loop():\n"
        '            raise RuntimeError("bound to a different event loop")\n'
        "        await asyncio.sleep(len(text) / 100000)",
        "test_many_event_loops_one_after_another test_synthesizer_speaks_after_a_cancelled_call",
        "one synthesizer may be used from many event loops, one after another",
    ),
    "one place for the text": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "self.text = text\n        await asyncio.sleep(len(text) / 100000)\n        text = self.text",
        "test_many_calls_at_once_do_not_disturb_each_other",
        "of calls at once, each gets the sound of its own text",
    ),
    "one at a time": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'if getattr(self, "busy", False):\n            raise RuntimeError("busy")\n        self.busy = True\n'
        "        try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        finally:\n            self.busy = False",
        "test_many_calls_at_once_do_not_disturb_each_other",
        "a synthesizer may be called many times at once",
    ),
    "blocks": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'if text.count("Berlin") == 20:\n            __import__("time").sleep(0.7)\n'
        "        await asyncio.sleep(len(text) / 100000)",
        "test_event_loop_goes_on_while_it_speaks",
        "the event loop goes on while the synthesizer speaks",
    ),
    "not to be cancelled": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        except asyncio.CancelledError:\n            pass",
        "test_cancelled_call_ends_by_cancelled_error",
        "a cancelled call raises asyncio.CancelledError",
    ),
    "a task that stays": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "self.work = asyncio.ensure_future(asyncio.sleep(60 if len(text) == 1399 else 0))\n"
        "        await asyncio.shield(self.work)",
        "test_cancelled_call_leaves_nothing_running",
        "a cancelled call leaves no task behind",
    ),
    "a process that stays": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'import subprocess\n        child = subprocess.Popen(["sleep", "5" if len(text) == 1399 else "0"])\n'
        "        while child.poll() is None:\n            await asyncio.sleep(0.005)",
        "test_cancelled_call_leaves_nothing_running",
        "a cancelled call leaves no process behind: kill it, and wait for it",
    ),
    "offended by cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'if hasattr(self, "broken"):\n            raise RuntimeError("the session is broken")\n'
        "        try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        except asyncio.CancelledError:\n            self.broken = True\n            raise",
        "test_synthesizer_speaks_after_a_cancelled_call",
        "a synthesizer speaks on after cancelled calls",
    ),
    "closed once": Wrong(
        "async def aclose(self):\n        pass",
        "async def aclose(self):\n        del self.api_key",
        "test_closing_at_any_time",
        "`async def aclose(self)` may be called at any time, more than once, in any loop",
    ),
    "an open socket": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.socket = __import__("socket").socket()\n        await asyncio.sleep(len(text) / 100000)',
        "test_nothing_is_left_open",
        "what a call opens is closed",
    ),
    "a key that needs the SDK": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "sdk": str(__import__("importlib.util").util.find_spec("engine_sdk").name)}',
        REPLAY,
        "a replay needs the cache alone",
    ),
}
SOUNDS = {
    "no audio": ("return b'RIFF'", "synthesize returns a russo.Audio"),
    "empty": ("return Audio(b'')", "audio holds bytes"),
    "another rate": ("return Audio(sound, sample_rate=16000)", "the fields are those of the header"),
    "placeholder sizes": (
        "return Audio(sound[:4] + b'\\xff' * 4 + sound[8:], sample_rate=8000)",
        "the header's sizes are true",
    ),
    "no WAV": ("return Audio(sound[44:], sample_rate=8000)", "format 'wav' is a PCM WAV file"),
    "silence": (
        "return Audio(wav(b'\\0' * 800, 8000), sample_rate=8000)",
        "audio is not silent from end to end",
    ),
    "half a sample": ("return Audio(b'abc', 'pcm')", "its samples can be read"),
    "a page": ("return Audio(b'<html>Sorry, no!', 'pcm')", "samples, not a text"),
    "WAV as samples": ("return Audio(sound, 'pcm')", "a WAV file has the format 'wav'"),
    "WAV as MP3": ("return Audio(sound, 'mp3')", "bytes of the format 'mp3'"),
    "WAV as Ogg": ("return Audio(sound, 'ogg')", "bytes of the format 'ogg'"),
}
SERVICES = {
    "cut samples": Wrong(
        "return wav_audio(body)",
        "return pcm_audio(wav_audio(body).pcm()[2:], 24000)",
        "test_samples_arrive_untouched",
        "samples arrive untouched",
    ),
    "no cap": Wrong(
        "max_concurrency=max_concurrency",
        "max_concurrency=20",
        "test_no_more_calls_at_once_than_max_concurrency",
        "with max_concurrency=3, 20 calls at once make 20 requests, 3 at once",
    ),
    "mends the text": Wrong(
        "async def synthesize(self, text):",
        'async def synthesize(self, text):\n        text = text.encode("utf-8", "replace").decode()',
        f"test_text_that_cannot_be_sent_is_refused_before_any_call {ODD_TEXT}",
        "this call fails",
    ),
    "trims the text": Wrong(
        '"text": exchange.prompt',
        '"text": exchange.prompt.strip()',
        ODD_TEXT,
        "the service is sent the very text",
    ),
    "a key of its own": Wrong(
        'self.api_key, "SERVICE_KEY"',
        'self.api_key or os.environ.get("SERVICE_KEY") or os.environ.get("SERVICE_OTHER_KEY") or "none", "SERVICE_KEY"',
        "test_missing_key_is_an_error_that_names_the_variables",
        "this call fails",
    ),
    "variables in another order": Wrong(
        '"SERVICE_KEY", "SERVICE_OTHER_KEY")\n        return',
        '"SERVICE_OTHER_KEY", "SERVICE_KEY")\n        return',
        "test_each_variable_is_read_at_the_first_miss",
        "the key is read from SERVICE_KEY at the miss",
    ),
    "the variable's key": Wrong(
        "text, self.api_key,",
        'text, os.environ.get("SERVICE_KEY") or self.api_key,',
        "test_given_key_wins_over_the_variables",
        "api_key wins over the variables",
    ),
    "any key": Wrong(
        "key = read_key(",
        "key = self.api_key or read_key(",
        "test_key_that_no_header_carries_is_refused_unseen",
        "this call fails",
    ),
    "shows a bad key": Wrong(
        "key = read_key(",
        "if self.api_key and not self.api_key.isascii() or ' ' in (self.api_key or ''):\n"
        "            raise self.calls.error(AuthenticationError, f'bad key {self.api_key}', prompt=text, reached=False)\n"
        "        key = read_key(",
        "test_key_that_no_header_carries_is_refused_unseen",
        "an error shows no key",
    ),
    "repeats the key": Wrong(
        "Exchange(self.calls, text, key)",
        "Exchange(self.calls, text)",
        "test_key_is_in_no_message_and_no_log_record",
        "no message, attribute, traceback or log record holds the key",
    ),
    "logs the key": Wrong(
        "return wav_audio(body)",
        '__import__("logging").getLogger("service").debug("spoken for %s", key)\n            return wav_audio(body)',
        "test_key_is_in_no_message_and_no_log_record",
        "no message, attribute, traceback or log record holds the key",
    ),
    "stores the key": Wrong(
        '"voice": self.voice}\n\n    async',
        '"voice": self.voice, "account": self.api_key}\n\n    async',
        "test_key_is_not_kept_with_the_audio",
        "nothing that is stored holds the key",
    ),
    "one kind of failure": Wrong(
        "kind_of_status(status)",
        "ServiceError",
        "test_failure_is_typed_and_retried_only_if_it_can_pass "
        "test_service_that_asks_to_wait_an_hour_is_not_waited_for",
        "status 401 is a AuthenticationError with retryable=False, reached=True",
    ),
    "retries of its own": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "status, headers, body = await self.ask(exchange, key)\n        if status != 200:\n"
        "            status, headers, body = await self.ask(exchange, key)",
        "test_failure_is_typed_and_retried_only_if_it_can_pass "
        "test_service_that_asks_to_wait_an_hour_is_not_waited_for",
        "status 401 makes 1 requests with max_attempts=3",
    ),
    "a failure without its cause": Wrong(
        "retry_after=wait) from error",
        "retry_after=wait) from None",
        "test_failure_is_typed_and_retried_only_if_it_can_pass",
        "what the SDK raised is chained",
    ),
    "an SDK's own exception": Wrong(
        "raise exchange.refused(error, kind_of_status(status), status, said, retry_after=wait) from error",
        "raise error",
        "test_failure_is_typed_and_retried_only_if_it_can_pass test_key_is_in_no_message_and_no_log_record "
        "test_call_succeeds_after_a_failure_that_passed test_service_that_asks_to_wait_an_hour_is_not_waited_for",
        "every failure is a russo.SynthesisError",
    ),
    "gives up": Wrong(
        "max_attempts=max_attempts",
        "max_attempts=1",
        "test_call_succeeds_after_a_failure_that_passed test_failure_is_typed_and_retried_only_if_it_can_pass",
        "the synthesizer speaks",
    ),
    "impatient": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = 0.0",
        "test_service_that_asks_to_wait_is_waited_for test_service_that_asks_to_wait_an_hour_is_not_waited_for",
        "a service that asks to wait 1 s is asked again after 1 s",
    ),
    "takes what came": Wrong(
        "return await read_reply(reader)",
        "try:\n                return await read_reply(reader)\n            except asyncio.IncompleteReadError as error:\n"
        "                return 200, {}, error.partial",
        "test_connection_lost_is_a_service_error",
        "a connection lost (close) at the body of the reply is a ServiceError with retryable=True, reached=True",
    ),
    "never asks again": Wrong(
        "raise exchange.lost(error) from error",
        "raise exchange.error(ServiceError, str(error), retryable=False) from error",
        "test_connection_lost_is_a_service_error test_connection_lost_is_retried",
        "the synthesizer speaks",
    ),
    "a timeout that is none": Wrong(
        "return await read_reply(reader)",
        "async with asyncio.timeout(self.timeout * 0.9):\n                return await read_reply(reader)",
        "test_service_that_falls_silent_is_a_timeout",
        "after timeout=0.3 seconds, is a SynthesisTimeoutError",
    ),
    "paid for nothing": Wrong(
        ", reached=False",
        "",
        "test_unreachable_service_is_a_service_error",
        "a refused connection is a ServiceError with retryable=True, reached=False",
    ),
    "whatever came": Wrong(
        "return wav_audio(body)",
        "return Audio(body)",
        "test_reply_that_is_no_audio_is_refused test_reply_without_sound_is_no_audio",
        "this call fails",
    ),
    "a page is the text's fault": Wrong(
        "raise exchange.no_audio(error, body, headers)",
        "raise exchange.error(TextRejectedError, str(error))",
        "test_reply_that_is_no_audio_is_refused test_reply_without_sound_is_no_audio",
        "a reply with silence is a NoAudioError",
    ),
}


class Kit:
    """A project with one backend, installed, and the test class of its author."""

    def __init__(self, pytester, monkeypatch):
        self.pytester = pytester
        monkeypatch.syspath_prepend(pytester.path)
        # It needs no plugin: not for asyncio, and not even russo's own.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def install(self, name, source, test):
        files = {name: source, f"test_{name}": test, f"{name}_sdk": ""}
        self.pytester.makepyfile(**{name: dedent(text) for name, text in files.items()})
        info = self.pytester.mkdir(f"{name}-1.0.dist-info")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        target = f"{name} = {name}:{name.capitalize()}Synthesizer"
        (info / "entry_points.txt").write_text(f"[russo.synthesizers]\n{target}\n")
        importlib.invalidate_caches()
        installed_backends.cache_clear()

    def run(self, checks=ALL):
        """Run these checks in this process; return what fails, and the output."""
        only = " or ".join(sorted(checks))
        result = self.pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "default", "-k", only)
        output = result.stdout.str()
        return set(re.findall(r"^(?:FAILED|ERROR) \S+::(test_\w+)", output, re.MULTILINE)), output


@pytest.fixture
def kit(pytester, monkeypatch):
    yield Kit(pytester, monkeypatch)
    installed_backends.cache_clear()


def patched(wrong, *sources):
    assert sum(source.count(wrong.old) for source in sources) == 1, "what is to be patched is there once"
    return [source.replace(wrong.old, wrong.new) for source in sources]


@pytest.mark.parametrize("name", ENGINES)
def test_wrong_engine_is_caught_by_the_check_of_that(name, kit):
    wrong = ENGINES[name]
    kit.install("engine", *patched(wrong, contract_subjects.ENGINE, contract_subjects.ENGINE_TEST))
    expected = set(wrong.caught_by.split())
    processes = PROCESSES if PROCESSES & expected else set()  # a third of a second
    failed, output = kit.run(ALL - REQUESTS - PROCESSES | processes | expected)
    assert failed == expected
    assert wrong.says in output
    assert output.count("the contract wants: ") == output.count("\nwhy: ") > 0


@pytest.mark.parametrize("name", SOUNDS)
def test_wrong_audio_is_caught(name, kit):
    code, says = SOUNDS[name]
    code = f"from russo import Audio\n        sound = pcm_audio(b'ab' * 800, 8000).data\n        {code}"
    code = code.replace("wav(b", "__import__('russo.testing').testing.wav(b")
    kit.install(
        "engine",
        contract_subjects.ENGINE.replace("return pcm_audio(", f"{code}\n        return pcm_audio("),
        contract_subjects.ENGINE_TEST,
    )
    failed, output = kit.run({AUDIO})
    assert failed == {AUDIO}
    assert says in output


@pytest.mark.parametrize("name", SERVICES)
def test_wrong_service_backend_is_caught_by_the_check_of_that(name, kit):
    wrong = SERVICES[name]
    expected = set(wrong.caught_by.split())
    kit.install("service", *patched(wrong, contract_subjects.SERVICE, contract_subjects.SERVICE_TEST))
    failed, output = kit.run(REQUESTS - SLOW | expected)
    assert failed == expected
    assert wrong.says in output


def test_every_check_catches_something():
    caught = {name for wrong in [*ENGINES.values(), *SERVICES.values()] for name in wrong.caught_by.split()}
    assert caught == ALL


def test_right_engine_passes_and_skips_what_needs_a_service(kit):
    kit.install("engine", contract_subjects.ENGINE, contract_subjects.ENGINE_TEST)
    failed, output = kit.run()
    assert failed == set()
    assert re.search(rf"\d+ passed, {len(REQUESTS) + 1} skipped", output)  # and voice is no float


def test_right_service_backend_passes_all(kit):
    kit.install("service", contract_subjects.SERVICE, contract_subjects.SERVICE_TEST)
    failed, output = kit.run()
    assert failed == set()
    assert re.search(
        r"\d+ passed, 2 skipped", output
    )  # closing, for it offers no aclose, and it has no float


def test_service_backend_that_cannot_be_led_elsewhere_is_told_what_it_lacks(project):
    project.tests(
        """
        import pytest
        from russo.testing import BackendContract, HttpService, Reply, wav

        class TestIt(BackendContract):
            backend = "local"
            service = HttpService(
                good=lambda samples: Reply(body=wav(samples)),
                sent_key=lambda headers: "",
                error_reply=lambda status, message, after: Reply(status=status),
            )

            @pytest.fixture
            def make_synthesizer(self):
                from russo_local import LocalSynthesizer
                return lambda **options: LocalSynthesizer(**options)
        """
    )
    result = project.run("-k", "test_audio_is_what_it_says_it_is")
    result.stdout.fnmatch_lines(
        [
            "the contract wants: a backend that calls a service takes the options api_key, base_url, *",
            "seen: api_key, base_url, * missing from *",
        ]
    )
