"""Backends that are wrong in one place each, for the tests of the kit, and right ones of another kind."""

from dataclasses import dataclass

ODD_TEXT = "test_odd_text_is_spoken_or_refused"
REPLAY = "test_replay_needs_the_cache_alone"
AUDIO = "test_audio_is_what_it_says_it_is"
AFRESH = "test_constructing_works_in_a_fresh_process"
# What a backend that does not speak, or declares no mapping, is caught by.
SPEAKING = (
    f"{AUDIO} {ODD_TEXT} test_cache_key_extra_is_the_same_after_speaking test_closing_at_any_time "
    "test_declared_option_is_heard test_event_loop_goes_on_while_it_speaks test_many_event_loops_one_after_another "
    "test_many_calls_at_once_do_not_disturb_each_other test_many_calls_at_once_in_many_event_loops "
    "test_nothing_is_left_open test_ordinary_calls_leave_nothing_behind test_process_is_left_as_it_was "
    "test_speaking_says_nothing test_synthesizer_speaks_after_a_cancelled_call "
    "test_synthesizer_speaks_after_failed_calls test_timeout_ends_a_call"
)
FIELDS = (
    f"{AFRESH} test_cache_key_extra_and_repr_show_no_credential test_cache_key_extra_is_json "
    "test_cache_key_extra_is_the_same_after_speaking test_cache_key_extra_names_the_backend "
    "test_declared_option_changes_the_key test_near_values_have_keys_of_their_own test_option_can_be_written_as_text "
    "test_synthesizer_does_not_change_with_another test_undeclared_options_change_no_key "
    "test_whole_number_and_float_make_one_key"
)
# What a service that refuses, or sends no audio, is behind.
REFUSED = (
    "test_failure_is_typed_and_retried_only_if_it_can_pass test_redirect_is_not_followed "
    "test_refusal_is_not_retried_and_a_busy_gateway_is test_service_that_asks_to_wait_an_hour_is_not_waited_for"
)
NO_AUDIO = "test_reply_that_is_no_audio_is_refused test_reply_without_sound_is_no_audio test_truncated_wav_is_refused"


@dataclass(frozen=True)
class Wrong:
    """What is patched into a backend's source (or its test's), the checks that catch it, and what they say."""

    old: str
    new: str
    caught_by: str
    says: str
    more: tuple[tuple[str, str], ...] = ()


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
        f"{SPEAKING} {AFRESH} test_entry_point_leads_to_the_class test_synthesize_takes_one_text",
        "a synthesizer has a method `async def synthesize(self, text: str) -> Audio`",
    ),
    "a later contract": Wrong(
        "russo_api = 1",
        "russo_api = 2",
        f"{AFRESH} test_plugin_contract_fits test_entry_point_leads_to_the_class",
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
        FIELDS,
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
        "test_declared_option_changes_the_key test_near_values_have_keys_of_their_own",
        "cache_key_extra changes with the option speed",
    ),
    "a value that is the default": Wrong(
        '"voice": "bert"',
        '"voice": "anna"',
        "test_declared_option_changes_the_key test_declared_option_is_heard",
        "declared['voice'] in the test class is not the value that is used anyway",
    ),
    "too much": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "timeout": self.attempts.timeout}',
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
        "no credential is shown by cache_key_extra",
    ),
    "shows its key": Wrong(
        "speed={self.speed!r})",
        "speed={self.speed!r}, api_key={self.api_key!r})",
        "test_cache_key_extra_and_repr_show_no_credential",
        "no credential is shown by repr and str",
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
        AFRESH,
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
        "no process and no thread is started",
    ),
    "an eager thread": Wrong(
        "self.api_key = api_key",
        (
            'self.api_key = api_key\n        threading = __import__("threading")\n'
            "        threading.Thread(target=threading.Event().wait, daemon=True).start()"
        ),
        f"test_constructing_starts_no_process {REPLAY}",
        "no process and no thread is started",
    ),
    "an eager file": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        path = __import__("os").path.expanduser("~/.engine")\n'
        "        try:\n            open(path)\n        except OSError:\n            pass",
        "test_constructing_opens_no_file_of_the_user",
        "no file of the user is opened",
    ),
    "an eager key of another name": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key or __import__("os").environ.get("ENGINE_ACCESS_TOKEN")',
        "test_constructing_reads_no_credential",
        "['ENGINE_ACCESS_TOKEN'] are read",
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
        f"{ODD_TEXT} test_synthesizer_speaks_after_failed_calls",
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
        f"{ODD_TEXT} test_many_event_loops_one_after_another test_synthesizer_speaks_after_a_cancelled_call test_declared_option_is_heard "
        "test_many_calls_at_once_in_many_event_loops test_ordinary_calls_leave_nothing_behind test_synthesizer_speaks_after_failed_calls",
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
        "test_many_calls_at_once_do_not_disturb_each_other test_many_calls_at_once_in_many_event_loops",
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
        "leaves no task behind",
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
        "after cancelled calls, 24 of them at once",
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
    "another word for the text": Wrong(
        "async def synthesize(self, text):\n        return await self.attempts.run(text, lambda: self.attempt(text))",
        "async def synthesize(self, prompt):\n        return await self.attempts.run(prompt, lambda: self.attempt(prompt))",
        "test_synthesize_takes_one_text",
        "synthesize(prompt): ",
    ),
    "audio at once": Wrong(
        "async def synthesize(self, text):\n        return await self.attempts.run(text, lambda: self.attempt(text))",
        "def synthesize(self, text):\n        return pcm_audio(b'ab' * 800, 8000)",
        f"{SPEAKING} {REPLAY}",
        "EngineSynthesizer.synthesize returns Audio",
    ),
    "audio in pieces": Wrong(
        "return await self.attempts.run(text,",
        "yield await self.attempts.run(text,",
        f"{SPEAKING} {REPLAY} test_synthesize_takes_one_text",
        "an async generator: nothing can await it",
    ),
    "any option": Wrong(
        "timeout: float = 60.0\n",
        "timeout: float = 60.0, **options\n",
        "test_options_are_keywords",
        "`**options`, which takes any name",
    ),
    "a voice undeclared": Wrong(
        '{"voice": "bert", "speed": 1.5}\n    undeclared = {',
        '{"speed": 1.5}\n    undeclared = {"voice": "bert", ',
        "test_options_are_in_their_place test_undeclared_options_change_no_key",
        "['voice'] in undeclared",
    ),
    "a timeout declared": Wrong(
        '"speed": 1.5}\n    undeclared = {"api_key": "another-key", "timeout": 7.5}',
        '"speed": 1.5, "timeout": 7.5}\n    undeclared = {"api_key": "another-key"}',
        "test_options_are_in_their_place test_declared_option_changes_the_key test_declared_option_is_heard test_repr_shows_the_setting",
        "['timeout'] in declared",
    ),
    "one variable, as a text": Wrong(
        '("ENGINE_KEY",)',
        '("ENGINE_KEY")',
        "test_variables_and_modules_are_named_as_they_are",
        "a tuple of names of variables, such as ('ACME_API_KEY',)",
    ),
    "one module, as a text": Wrong(
        '("engine_sdk",)',
        '("engine_sdk")',
        "test_variables_and_modules_are_named_as_they_are",
        "`sdk` of the test class is a tuple of modules",
    ),
    "a misspelt module": Wrong(
        '("engine_sdk",)',
        '("engnie_sdk",)',
        "test_variables_and_modules_are_named_as_they_are",
        "no ['engnie_sdk']",
    ),
    "a rounded speed": Wrong(
        '"speed": self.speed}',
        '"speed": round(self.speed, 1)}',
        "test_near_values_have_keys_of_their_own",
        "speed=1.51 is declared otherwise than 1.5",
    ),
    "a lowered voice": Wrong(
        '"voice": self.voice,',
        '"voice": self.voice.lower(),',
        "test_near_values_have_keys_of_their_own",
        "voice='BERT' is declared otherwise than 'bert'",
    ),
    "a voice cut short": Wrong(
        '"voice": self.voice,',
        '"voice": self.voice[:40],',
        "test_near_values_have_keys_of_their_own",
        "declare the value that is used, whole",
    ),
    "an option that cancels another": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "account": (self.attempts.timeout == 60.0) == (not self.api_key)}',
        "test_undeclared_options_change_no_key",
        "cache_key_extra is the same whatever api_key is",
    ),
    "one voice for all": Wrong(
        "self.voice = str(voice)",
        "type(self).voice = str(voice)",
        "test_synthesizer_does_not_change_with_another test_declared_option_is_heard",
        "a synthesizer is the same after another is made with voice='bert'",
    ),
    "one setting for all": Wrong(
        "self.voice = str(voice)",
        "self.voice = type(self).latest = str(voice)",
        "test_declared_option_is_heard",
        "a synthesizer keeps its own settings when another is made with voice='bert'",
        more=(("crc32(self.voice", "crc32(self.latest"),),
    ),
    "a deaf engine": Wrong(
        "crc32(self.voice.encode())",
        "crc32(b'')",
        "test_declared_option_is_heard",
        "sounds otherwise with voice='bert'",
    ),
    "a mapping that breaks": Wrong(
        'return {"backend": "engine",',
        'return {"backend": self.name,',
        FIELDS,
        "'EngineSynthesizer' object has no attribute 'name'",
    ),
    "another machine": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "model": __import__("os").path.abspath("model")}',
        "test_cache_key_extra_is_the_same_in_every_process",
        "cache_key_extra is the same in every process and on every machine",
    ),
    "a program for its version": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "version": __import__("subprocess").check_output(["echo", "1"], text=True)}',
        f"test_constructing_starts_no_process {REPLAY}",
        "constructing a synthesizer, and reading its cache_key_extra, does nothing",
    ),
    "only the beginning": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "text = text[:1000]\n        await asyncio.sleep(len(text) / 100000)",
        ODD_TEXT,
        "a long text is spoken whole, or refused",
    ),
    "no class of the tree": Wrong(
        "self.attempts.error(TextRejectedError,",
        "self.attempts.error(__import__('russo').SynthesisError,",
        ODD_TEXT,
        "a failure is one of the classes below SynthesisError",
    ),
    "the end of all": Wrong(
        "if not text.strip():",
        "if not text.isascii():\n            raise SystemExit(3)\n        if not text.strip():",
        ODD_TEXT,
        "SystemExit: 3",
    ),
    "talkative": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'print("speaking ...")\n        await asyncio.sleep(len(text) / 100000)',
        "test_speaking_says_nothing",
        "speaking prints nothing",
    ),
    "warns": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("warnings").warn("voices are downloaded")\n        await asyncio.sleep(len(text) / 100000)',
        "test_speaking_says_nothing",
        "speaking warns of nothing",
    ),
    "endless patience": Wrong(
        "timeout=timeout",
        "timeout=1e9",
        "test_timeout_ends_a_call",
        "ends a call that takes",
    ),
    "a lock of one loop": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.lock = getattr(self, "lock", None) or asyncio.Lock()\n        async with self.lock:\n'
        "            await asyncio.sleep(len(text) / 100000)",
        "test_many_calls_at_once_in_many_event_loops",
        "many calls at once may be made in many event loops",
    ),
    "a place lost by failing": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.free = getattr(self, "free", 8)\n        while not self.free:\n            await asyncio.sleep(0.001)\n'
        "        self.free -= 1\n        try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        finally:\n            self.free += bool(text.strip())",
        "test_synthesizer_speaks_after_failed_calls",
        "24 calls at once, which may fail, end within 2 s",
    ),
    "a place lost by cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.free = getattr(self, "free", 8)\n        while not self.free:\n            await asyncio.sleep(0.001)\n'
        "        self.free -= 1\n        await asyncio.sleep(len(text) / 100000)\n        self.free += 1",
        "test_synthesizer_speaks_after_a_cancelled_call",
        "a call ends, with audio or an error, within 2 s",
    ),
    "a task that a late cancelling ends": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "work = asyncio.ensure_future(asyncio.sleep(60))\n        await asyncio.sleep(len(text) / 100000)\n"
        "        work.cancel()",
        "test_cancelled_call_leaves_nothing_running",
        "leaves no task behind",
    ),
    "closed without end": Wrong(
        "async def aclose(self):\n        pass",
        "async def aclose(self):\n        await asyncio.Event().wait()",
        "test_closing_at_any_time test_nothing_is_left_open",
        "`aclose` ends within 2 s",
    ),
    "a task beside": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "await asyncio.sleep(len(text) / 100000)\n        self.beat = asyncio.ensure_future(asyncio.sleep(60))",
        "test_ordinary_calls_leave_nothing_behind",
        "a call that has ended leaves no task running",
    ),
    "a file for every call": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("tempfile").mkstemp()\n        await asyncio.sleep(len(text) / 100000)',
        "test_ordinary_calls_leave_nothing_behind",
        "4 temporary files more, 4 open files more",
    ),
    "a thread for every call": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'threading = __import__("threading")\n'
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "        await asyncio.sleep(len(text) / 100000)",
        "test_ordinary_calls_leave_nothing_behind",
        "4 threads more",
    ),
    "its key for all to see": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("os").environ["ENGINE_ACCOUNT"] = api_key or ""',
        "test_process_is_left_as_it_was",
        "changed: environment variables",
    ),
    "elsewhere": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("os").chdir("/")\n        await asyncio.sleep(len(text) / 100000)',
        "test_process_is_left_as_it_was",
        "changed: the working directory",
    ),
    "log for all": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("logging").basicConfig(level=10, force=True)\n        await asyncio.sleep(len(text) / 100000)',
        "test_process_is_left_as_it_was",
        "changed: the root logger",
    ),
    "a key that needs the SDK's metadata": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "sdk": __import__("importlib.metadata").metadata.version("engine-sdk")}',
        REPLAY,
        "importlib.metadata.PackageNotFoundError: No package metadata was found for engine-sdk",
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
    "no WAV": ("return Audio(sound[44:], sample_rate=8000)", "format 'wav' is a WAV file"),
    "another byte rate": (
        "return Audio(sound[:28] + bytes(4) + sound[32:], sample_rate=8000)",
        "the header's byte rate and block align follow",
    ),
    "a level": ("return Audio(wav(b'\\1\\0' * 800, 8000), sample_rate=8000)", "all samples 1"),
    "MP3 of another rate": (
        "return Audio((b'\\xff\\xfb\\x90\\0' + bytes(413)) * 9, 'mp3', 8000)",
        "fields (8000, 1), header (44100, 2)",
    ),
    "a tag alone": ("return Audio(b'ID3' + b'x' * 99, 'mp3')", "header None"),
    "one byte of MP3": ("return Audio(b'\\xff', 'mp3')", "bytes of the format 'mp3'"),
    "FLAC of another rate": (
        "return Audio(b'fLaC\\x80\\0\\0\\x22' + bytes(10) + b'\\x0a\\xc4\\x42\\xf0' + bytes(30), 'flac', 8000)",
        "fields (8000, 1), header (44100, 2)",
    ),
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
        "a call fails (a lone surrogate)",
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
        "a call fails (there is no key)",
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
        "key = read_api_key(",
        "key = self.api_key or read_api_key(",
        "test_key_that_no_header_carries_is_refused_unseen",
        "a call fails (the key has a space)",
    ),
    "shows a bad key": Wrong(
        "key = read_api_key(",
        (
            "if self.api_key and not self.api_key.isascii() or ' ' in (self.api_key or ''):\n"
            "            raise self.attempts.error(AuthenticationError, f'bad key {self.api_key}', prompt=text, reached=False)\n"
            "        key = read_api_key("
        ),
        "test_key_that_no_header_carries_is_refused_unseen",
        "no credential is shown by an error and what it is chained to",
    ),
    "repeats the key": Wrong(
        "Exchange(self.attempts, text, key)",
        "Exchange(self.attempts, text)",
        "test_key_is_shown_by_nothing",
        "no credential is shown by an error and what it is chained to",
    ),
    "logs the key": Wrong(
        "return wav_audio(body)",
        '__import__("logging").getLogger("service").debug("spoken for %s", key)\n            return wav_audio(body)',
        f"test_key_is_shown_by_nothing {NO_AUDIO}",
        "no credential is shown by what is logged, warned of and printed while it speaks",
    ),
    "stores the key": Wrong(
        '"voice": self.voice}\n\n    async',
        '"voice": self.voice, "account": self.api_key}\n\n    async',
        "test_key_is_not_kept_with_the_audio test_key_is_shown_by_nothing",
        "nothing that is stored holds the key",
    ),
    "one kind of failure": Wrong(
        "kind_of_status(status)",
        "ServiceError",
        REFUSED,
        "status 401 is a AuthenticationError with retryable=False, reached=True",
    ),
    "retries of its own": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        (
            "status, headers, body = await self.ask(exchange, key)\n        if status != 200:\n"
            "            status, headers, body = await self.ask(exchange, key)"
        ),
        f"{REFUSED} test_busy_service_is_not_asked_again_at_once",
        "status 401 makes 1 requests with max_attempts=3",
    ),
    "a failure without its cause": Wrong(
        "retry_after=wait) from error",
        "retry_after=wait) from None",
        "test_failure_is_typed_and_retried_only_if_it_can_pass",
        "what the SDK raised is chained",
    ),
    "an SDK's own exception": Wrong(
        "raise exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait) from error",
        "raise error",
        f"{REFUSED} test_busy_service_is_not_asked_again_at_once test_key_is_shown_by_nothing test_call_succeeds_after_a_failure_that_passed",
        "refused by a russo.SynthesisError, the SDK's behind it (status 401)",
    ),
    "gives up": Wrong(
        "max_attempts=max_attempts",
        "max_attempts=1",
        (
            "test_call_succeeds_after_a_failure_that_passed test_failure_is_typed_and_retried_only_if_it_can_pass "
            "test_busy_service_is_not_asked_again_at_once test_refusal_is_not_retried_and_a_busy_gateway_is"
        ),
        "the synthesizer speaks",
    ),
    "impatient": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = 0.0",
        (
            "test_service_that_asks_to_wait_is_waited_for test_service_that_asks_to_wait_an_hour_is_not_waited_for "
            "test_busy_service_is_not_asked_again_at_once"
        ),
        "a service that asks by 429 to wait 1 s is asked again after 1 s",
    ),
    "takes what came": Wrong(
        "return await read_reply(reader)",
        "try:\n                return await read_reply(reader)\n            except asyncio.IncompleteReadError as error:\n"
        "                return 200, {}, error.partial",
        "test_connection_lost_is_a_service_error",
        "a connection lost (close) at the body of the reply is a ServiceError with retryable=True, reached=True",
    ),
    "never asks again": Wrong(
        "raise exchange.connection_error(error) from error",
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
        NO_AUDIO,
        "a call fails (a reply of nothing (application/json))",
    ),
    "a voice that is not sent": Wrong(
        '"text": exchange.prompt, "voice": self.voice}',
        '"text": exchange.prompt}',
        "test_declared_option_is_sent",
        "the request changes with the option voice",
    ),
    "the latest voice": Wrong(
        "self.voice = str(voice)",
        "self.voice = type(self).latest = str(voice)",
        "test_declared_option_is_sent",
        "a synthesizer sends its own settings after another was made with voice='bert'",
        more=(('"voice": self.voice}).encode', '"voice": self.latest}).encode'),),
    ),
    "a style that is sent": Wrong(
        'voice: str = "anna",',
        'voice: str = "anna", style: str = "calm",',
        "test_undeclared_options_are_not_sent",
        "the request is the same whatever style is, or style is declared",
        more=(
            ("self.api_key = api_key", "self.api_key, self.style = api_key, style"),
            ('"voice": self.voice}).encode', '"voice": self.voice, "style": self.style}).encode'),
            ('"timeout": 7.5,', '"timeout": 7.5, "style": "angry",'),
        ),
    ),
    "a full stop": Wrong(
        '"text": exchange.prompt,',
        '"text": exchange.prompt + ".",',
        ODD_TEXT,
        "['.'] beside it",
    ),
    "something for nothing": Wrong(
        '"text": exchange.prompt,',
        '"text": exchange.prompt or "Hello",',
        ODD_TEXT,
        "the service is sent the very text ''",
    ),
    "one blank": Wrong(
        '"text": exchange.prompt,',
        '"text": exchange.prompt.replace("  ", " "),',
        ODD_TEXT,
        "the service is sent the very text 'two  blanks'",
    ),
    "refused here, paid there": Wrong(
        "async def synthesize(self, text):",
        "async def synthesize(self, text):\n        if not text.strip():\n"
        '            raise self.attempts.error(TextRejectedError, "nothing to say", prompt=text)',
        ODD_TEXT,
        "an error says by `reached` whether the service was sent a request",
    ),
    "a cap that jams": Wrong(
        "async def attempt(self, exchange, key):",
        "async def attempt(self, exchange, key):\n        self.begun = getattr(self, 'begun', 0) + 1\n"
        "        if self.begun > 3 and self.attempts.max_concurrency == 3:\n            await asyncio.Event().wait()",
        "test_no_more_calls_at_once_than_max_concurrency",
        "with max_concurrency=3, 20 calls at once end within 2 s",
        more=(('    backend = "service"\n', '    backend = "service"\n    patience = 2.0\n'),),
    ),
    "a cap that breaks": Wrong(
        "async def attempt(self, exchange, key):",
        "async def attempt(self, exchange, key):\n        self.begun = getattr(self, 'begun', 0) + 1\n"
        "        if self.begun > 3 and self.attempts.max_concurrency == 3:\n            raise KeyError('session')",
        "test_no_more_calls_at_once_than_max_concurrency",
        "KeyError: 'session'",
    ),
    "hopeful": Wrong(
        "kind_of_status(status)",
        "(ServiceError if status in (400, 422) else kind_of_status(status))",
        "test_refusal_is_not_retried_and_a_busy_gateway_is",
        "status 400 is retryable=False, and makes 1 requests with max_attempts=2",
    ),
    "a status of its own": Wrong(
        "if status != 200:",
        "if status == 418:\n            raise StatusError('teapot')\n        if status != 200:",
        "test_refusal_is_not_retried_and_a_busy_gateway_is",
        "refused by a russo.SynthesisError, the SDK's behind it (status 418)",
    ),
    "patient with each piece": Wrong(
        "timeout=timeout, max_attempts",
        "timeout=1e9, max_attempts",
        "test_service_that_falls_silent_is_a_timeout",
        "a call ends, with audio or an error, within 2 s",
        more=(
            ("return await read_reply(reader)", "return await read_reply(Patient(reader, self.timeout))"),
            ("except (OSError, EOFError,", "except (EOFError, ConnectionError,"),
            (
                "status, headers, body = await self.ask(exchange, key)",
                "try:\n            status, headers, body = await self.ask(exchange, key)\n"
                "        except TimeoutError as error:\n"
                "            raise exchange.error(SynthesisTimeoutError, 'no reply') from error",
            ),
            (
                "AuthenticationError, ServiceError,",
                "AuthenticationError, ServiceError, SynthesisTimeoutError,",
            ),
            (
                "async def read_reply(reader):",
                "class Patient:\n    def __init__(self, reader, timeout):\n"
                "        self.reader, self.timeout = reader, timeout\n\n    async def readuntil(self, mark):\n"
                "        return await asyncio.wait_for(self.reader.readuntil(mark), self.timeout)\n\n"
                "    async def readexactly(self, size):\n        data = b''\n        while len(data) < size:\n"
                "            more = await asyncio.wait_for(self.reader.read(size - len(data)), self.timeout)\n            if not more:\n                raise EOFError\n            data += more\n"
                "        return data\n\n\nasync def read_reply(reader):",
            ),
            ('    backend = "service"\n', '    backend = "service"\n    patience = 2.0\n'),
        ),
    ),
    "two are three": Wrong(
        "max_attempts=max_attempts",
        "max_attempts=1 if max_attempts == 1 else 3",
        "test_refusal_is_not_retried_and_a_busy_gateway_is",
        "3 requests, retryable=True",
    ),
    "at once": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = seconds_to_wait(headers) or 0.0",
        "test_busy_service_is_not_asked_again_at_once",
        "a service that answers 429 and asks for no wait is left alone for a moment",
    ),
    "deaf to the busy": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = seconds_to_wait(headers) if status == 429 else None",
        "test_service_that_asks_to_wait_is_waited_for",
        "a service that asks by 503 to wait 1 s is asked again after 1 s",
    ),
    "a second try of its own": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "for again in (True, False):\n            try:\n                status, headers, body = await self.ask(exchange, key)\n"
        "                break\n            except ServiceError as error:\n"
        "                if not again or not error.reached:\n                    raise",
        "test_connection_lost_is_a_service_error",
        "a connection lost (close) at the start of the reply makes one request",
    ),
    "a second try at a page": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "status, headers, body = await self.ask(exchange, key)\n        if body[:4] != b'RIFF' and status == 200:\n"
        "            status, headers, body = await self.ask(exchange, key)",
        "test_reply_that_is_no_audio_is_refused",
        "makes one request: an SDK's own retries are off",
    ),
    "half a file": Wrong(
        "return wav_audio(body)",
        "return pcm_audio(body[44:], 24000) if len(body) in range(45, 9000) else wav_audio(body)",
        "test_truncated_wav_is_refused",
        "a call fails (a WAV file that is cut in half)",
    ),
    "led away": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "status, headers, body = await self.ask(exchange, key)\n        if status == 307:\n"
        "            self.place = urlsplit(headers['location'])\n            status, headers, body = await self.ask(exchange, key)",
        "test_redirect_is_not_followed",
        "a call fails (status 307 with a Location)",
    ),
    "no variables": Wrong(
        '    credentials = ("SERVICE_KEY", "SERVICE_OTHER_KEY")\n',
        "",
        "test_variables_and_modules_are_named_as_they_are",
        "a backend that sends a key names the variables for it",
    ),
    "a key in another header": Wrong(
        "X-Key: {key}",
        "X-Token: {key}",
        "test_each_variable_is_read_at_the_first_miss test_given_key_wins_over_the_variables",
        "KeyError('x-key'); the request has the headers content-length, x-token",
    ),
    "the variable's key shown": Wrong(
        "Exchange(self.attempts, text, key), key)",
        'Exchange(self.attempts, text, self.api_key or ""), key)',
        "test_key_is_shown_by_nothing",
        "no credential is shown by an error and what it is chained to",
    ),
    "the key in base64": Wrong(
        "status, said, retry_after",
        "status, __import__('base64').b64encode(f':{key}'.encode()).decode(), retry_after",
        f"{REFUSED} test_key_is_shown_by_nothing",
        "the key in base64",
    ),
    "the key's beginning": Wrong(
        "status, said, retry_after",
        "status, key[:16], retry_after",
        f"{REFUSED} test_key_is_shown_by_nothing",
        "the beginning of the key",
    ),
    "the key in a URL": Wrong(
        "raise exchange.connection_error(error) from error",
        "raise self.attempts.error(ServiceError, f'/speak?key={key} failed', prompt=exchange.prompt) from error",
        "test_connection_lost_is_a_service_error",
        "no credential is shown by an error and what it is chained to",
    ),
    "the key printed": Wrong(
        "return wav_audio(body)",
        "print(key, file=__import__('sys').stderr)\n            return wav_audio(body)",
        f"{NO_AUDIO} test_key_is_shown_by_nothing",
        "no credential is shown by what is logged, warned of and printed while it speaks",
    ),
    "the key beside a record": Wrong(
        "return wav_audio(body)",
        (
            "__import__('logging').getLogger('service').debug('spoken', extra={'account': key})\n"
            "            return wav_audio(body)"
        ),
        f"{NO_AUDIO} test_key_is_shown_by_nothing",
        "no credential is shown by what is logged, warned of and printed while it speaks",
    ),
    "a key in its repr, later": Wrong(
        'return f"ServiceSynthesizer(voice={self.voice!r})"',
        "return f\"ServiceSynthesizer(voice={self.voice!r}, key={getattr(self, 'seen', None)})\"",
        "test_key_is_shown_by_nothing",
        "no credential is shown by repr, str and cache_key_extra of a synthesizer that has spoken",
        more=(("key = read_api_key(", "key = self.seen = read_api_key("),),
    ),
    "not to be pickled": Wrong(
        "raise exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait) from error",
        (
            "told = exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait)\n"
            "            told.lock = __import__('threading').Lock()\n            raise told from error"
        ),
        f"{REFUSED} test_key_is_shown_by_nothing",
        "an error survives pickling, with all its attributes",
    ),
    "another's prompt": Wrong(
        "raise exchange.connection_error(error) from error",
        "raise Exchange(self.attempts, '', key).connection_error(error) from error",
        "test_connection_lost_is_a_service_error",
        "an error carries the backend 'service' and the exact prompt",
    ),
    "a page is the text's fault": Wrong(
        "raise exchange.no_audio_error(error, body, headers)",
        "raise exchange.error(TextRejectedError, str(error))",
        NO_AUDIO,
        "a reply with silence is a NoAudioError",
    ),
}
GIVEN = 'pcm_audio(struct.pack("<hh", loud, -loud) * round(80 * len(text) / self.speed), 8000)'
WRITTEN = "__import__('russo._wav')._wav.write_wav"
RIGHT_ENGINES = {
    "WAV of floats": [
        (
            GIVEN,
            f"Audio({WRITTEN}(struct.pack('<ff', loud / 9e4, -loud / 9e4) * round(80 * len(text) / self.speed), 8000, "
            "sample_width=4, tag=3), 'wav', 8000, 1, 4)",
        ),
    ],
    "WAV of the telephone": [
        (
            GIVEN,
            f"Audio({WRITTEN}(bytes([loud % 128, 200]) * round(80 * len(text) / self.speed), 8000, "
            "sample_width=1, tag=7), 'wav', 8000, 1, 1)",
        ),
    ],
    "a wrapper": [
        (
            "self.api_key = api_key",
            "self.api_key = api_key\n        from russo.testing import FakeSynthesizer\n        self.inner = FakeSynthesizer("
            "cache_key_extra={'backend': 'inner', 'voice': self.voice, 'speed': self.speed})",
        ),
        (
            'return {"backend": "engine", "voice": self.voice, "speed": self.speed}',
            "return self.inner.cache_key_extra",
        ),
        ("await self.attempts.run(text, lambda: self.attempt(text))", "await self.inner.synthesize(text)"),
    ],
    "a prompt of many letters": [
        (
            "    patience = 2.0\n",
            "    patience = 2.0\n    prompt = 'It\\'s \"Rome\", where I would like to fly to, ' * 2\n",
        )
    ],
}
BODY = 'json.dumps({"text": exchange.prompt, "voice": self.voice}).encode()'
READ = "        failures={"
PARTS = (
    "await self.attempts.run(text, lambda: self.attempt(Exchange(self.attempts, text, key), key))",
    "join_wav([await self.attempts.run(text, lambda: self.attempt(Exchange(self.attempts, part, key), key)) "
    "for part in (text[at : at + 2000] for at in range(0, max(1, len(text)), 2000))])",
)
RIGHT_SERVICES = {
    "no key": [
        ("        api_key: str | None = None,\n", ""),
        ("        self.api_key = api_key\n", ""),
        ('    credentials = ("SERVICE_KEY", "SERVICE_OTHER_KEY")\n', ""),
        ('read_api_key(self.attempts, text, self.api_key, "SERVICE_KEY", "SERVICE_OTHER_KEY")', '""'),
        ('        "api_key": "another-key",\n', ""),
        ('        sent_key=lambda request: request.headers["x-key"],\n', ""),
    ],
    "a key in the query": [
        ("POST /speak HTTP", "POST /speak?key={key} HTTP"),
        ("X-Key: {key}\\r\\n", ""),
        ('request.headers["x-key"]', 'request.query["key"]'),
    ],
    "SSML": [
        (
            BODY,
            "f'<speak><voice name=\"{self.voice}\">{escape(exchange.prompt)}</voice></speak>'.encode()",
        ),
        ("import json\n", "from xml.sax.saxutils import escape\n"),
        (
            READ,
            "        text_of=lambda request: html.unescape(request.body.decode().split('>', 2)[2].rsplit('</', 2)[0]),\n"
            f"{READ}",
        ),
        ("import pytest\nfrom russo import", "import html\n\nimport pytest\nfrom russo import"),
    ],
    "a text in the path": [
        (BODY, "self.voice.encode()"),
        ("POST /speak HTTP", "POST /speak/{quote(exchange.prompt, safe='')} HTTP"),
        ("import urlsplit", "import quote, urlsplit"),
        (READ, f"        text_of=lambda request: unquote(request.path[7:]),\n{READ}"),
        (
            "import pytest\nfrom russo import",
            "from urllib.parse import unquote\n\nimport pytest\nfrom russo import",
        ),
    ],
    "a long text in parts": [
        PARTS,
        ("import Attempts, Exchange, ", "import Attempts, Exchange, join_wav, "),
        (READ, f"        text_of=lambda request: request.json['text'],\n{READ}"),
    ],
}
