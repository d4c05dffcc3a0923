"""Engines whose options, cache key or class is wrong."""

from russo.testing import BackendContract
from support.kit.wrong import FIELDS, REPLAY, Wrong

WRONG_DECLARATIONS = {
    "is of another class": Wrong(
        "lambda **options: EngineSynthesizer(**options)",
        "type('Another', (EngineSynthesizer,), {})",
        {BackendContract.test_entry_point_leads_to_the_class},
        "the entry point 'engine' leads to the class whose synthesizers are checked",
    ),
    "takes positional options": Wrong(
        "self, *, voice",
        "self, voice",
        {BackendContract.test_options_are_keywords},
        "the class takes keyword options only",
    ),
    "has an unlisted option": Wrong(
        "timeout: float = 60.0",
        "timeout: float = 60.0, pitch: int = 0",
        {BackendContract.test_every_option_is_declared_or_undeclared},
        "not named ['pitch']",
    ),
    "has an option of another type": Wrong(
        "speed: float = 1.0",
        "speed: int = 1",
        {BackendContract.test_option_can_be_written_as_text},
        "speed=1.5 can be given as text, by its annotation",
    ),
    "declares a range that it does not check": Wrong(
        "speed: float = 1.0",
        "speed: typing.Annotated[float, Range(0.5, 3.0)] = 1.0",
        {BackendContract.test_declared_ranges_hold},
        "the constructor takes the values of speed that its annotation declares, and no other: 0.5 to 3.0",
        (
            ("import struct\n", "import struct\nimport typing\n"),
            ("import Attempts, ", "import Attempts, Range, "),
        ),
    ),
    "declares a range above a number that it takes": Wrong(
        "speed: float = 1.0",
        "speed: typing.Annotated[float, Range(0, above=True)] = 1.0",
        {BackendContract.test_declared_ranges_hold},
        "the constructor takes the values of speed that its annotation declares, and no other: more than 0",
        (
            ("import struct\n", "import struct\nimport typing\n"),
            ("import Attempts, ", "import Attempts, Range, "),
        ),
    ),
    "declares voices that are one text": Wrong(
        "russo_api = 1",
        "russo_api = 1\n    voices = 'anna'",
        {BackendContract.test_declared_voices_and_choices_are_accepted},
        "the class attribute `voices` is a tuple of names",
    ),
    "declares a voice that it refuses": Wrong(
        "self.api_key = api_key",
        "self.api_key = api_key\n        if voice == 'gone': raise ValueError('no such voice')",
        {BackendContract.test_declared_voices_and_choices_are_accepted},
        "the constructor takes voice=gone, which it declares",
        (("russo_api = 1", "russo_api = 1\n    voices = ('anna', 'gone')"),),
    ),
    "declares a value that JSON does not have": Wrong(
        '"voice": self.voice,',
        '"voice": {self.voice},',
        {BackendContract.test_cache_key_extra_is_json, REPLAY},
        "cache_key_extra maps names to JSON values",
    ),
    "declares nothing": Wrong(
        "def cache_key_extra",
        "def fields",
        FIELDS,
        "cache_key_extra is a mapping of every setting that shapes the sound",
    ),
    "declares no backend name": Wrong(
        '"backend": "engine", ',
        "",
        {BackendContract.test_cache_key_extra_names_the_backend},
        "cache_key_extra has 'backend': 'engine'",
    ),
    "does not declare its speed": Wrong(
        ', "speed": self.speed}',
        "}",
        {
            BackendContract.test_declared_option_changes_the_key,
            BackendContract.test_near_values_have_keys_of_their_own,
        },
        "cache_key_extra changes with the option speed",
    ),
    "its test declares a default value": Wrong(
        '"voice": "bert"',
        '"voice": "anna"',
        {BackendContract.test_declared_option_changes_the_key, BackendContract.test_declared_option_is_heard},
        "declared['voice'] in the test class is not the default value",
    ),
    "declares its timeout": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "timeout": self.attempts.timeout}',
        {BackendContract.test_undeclared_options_change_no_key},
        "they change timeout",
    ),
    "keeps the type of a number": Wrong(
        "float(speed)",
        "speed",
        {BackendContract.test_whole_number_and_float_make_one_key},
        "speed=1 has the key fields of 1.0",
    ),
    "changes its cache key by a call": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "spoke": hasattr(self, "spoke")}\n\n'
        "    def __getattribute__(self, name):\n"
        '        if name == "attempt":\n'
        "            self.spoke = True\n"
        "        return super().__getattribute__(name)",
        {BackendContract.test_cache_key_extra_is_the_same_after_speaking},
        "cache_key_extra is the same before and after a call",
    ),
    "declares its API key": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "account": self.api_key}',
        {
            BackendContract.test_cache_key_extra_and_repr_show_no_credential,
            BackendContract.test_undeclared_options_change_no_key,
        },
        "no credential is shown by cache_key_extra",
    ),
    "shows its API key": Wrong(
        "speed={self.speed!r})",
        "speed={self.speed!r}, api_key={self.api_key!r})",
        {BackendContract.test_cache_key_extra_and_repr_show_no_credential},
        "no credential is shown by repr and str",
    ),
    "does not show its speed": Wrong(
        ", speed={self.speed!r})",
        ")",
        {BackendContract.test_repr_shows_the_setting},
        "repr shows speed=1.5",
    ),
    "names its text parameter prompt": Wrong(
        "async def synthesize(self, text):\n        return await self.attempts.run(text, lambda: self.attempt(text))",
        "async def synthesize(self, prompt):\n        return await self.attempts.run(prompt, lambda: self.attempt(prompt))",
        {BackendContract.test_synthesize_takes_one_text},
        "synthesize(prompt): ",
    ),
    "takes any option": Wrong(
        "timeout: float = 60.0\n",
        "timeout: float = 60.0, **options\n",
        {BackendContract.test_options_are_keywords},
        "`**options`, which takes any name",
    ),
    "its test lists the voice as undeclared": Wrong(
        '{"voice": "bert", "speed": 1.5}\n    undeclared = {',
        '{"speed": 1.5}\n    undeclared = {"voice": "bert", ',
        {
            BackendContract.test_options_are_in_their_place,
            BackendContract.test_undeclared_options_change_no_key,
        },
        "['voice'] in undeclared",
    ),
    "its test lists the timeout as declared": Wrong(
        '"speed": 1.5}\n    undeclared = {"api_key": "another-key", "timeout": 7.5}',
        '"speed": 1.5, "timeout": 7.5}\n    undeclared = {"api_key": "another-key"}',
        {
            BackendContract.test_options_are_in_their_place,
            BackendContract.test_declared_option_changes_the_key,
            BackendContract.test_declared_option_is_heard,
            BackendContract.test_repr_shows_the_setting,
        },
        "['timeout'] in declared",
    ),
    "names its variable as a string": Wrong(
        '("ENGINE_KEY",)',
        '("ENGINE_KEY")',
        {BackendContract.test_variables_and_modules_are_named_as_they_are},
        "a tuple of names of variables, such as ('ACME_API_KEY',)",
    ),
    "its test names the SDK as a string": Wrong(
        '("engine_sdk",)',
        '("engine_sdk")',
        {BackendContract.test_variables_and_modules_are_named_as_they_are},
        "`sdk` of the test class is a tuple of modules",
    ),
    "its test misspells the SDK": Wrong(
        '("engine_sdk",)',
        '("engnie_sdk",)',
        {BackendContract.test_variables_and_modules_are_named_as_they_are},
        "no ['engnie_sdk']",
    ),
    "declares a rounded speed": Wrong(
        '"speed": self.speed}',
        '"speed": round(self.speed, 1)}',
        {BackendContract.test_near_values_have_keys_of_their_own},
        "speed=1.51 and 1.5 have different key fields",
    ),
    "declares the voice in lower case": Wrong(
        '"voice": self.voice,',
        '"voice": self.voice.lower(),',
        {BackendContract.test_near_values_have_keys_of_their_own},
        "voice='BERT' and 'bert' have different key fields",
    ),
    "declares the voice cut to 40 characters": Wrong(
        '"voice": self.voice,',
        '"voice": self.voice[:40],',
        {BackendContract.test_near_values_have_keys_of_their_own},
        "declare the whole value that is used",
    ),
    "declares an option that cancels another": Wrong(
        '"speed": self.speed}',
        '"speed": self.speed, "account": (self.attempts.timeout == 60.0) == (not self.api_key)}',
        {BackendContract.test_undeclared_options_change_no_key},
        "cache_key_extra does not change with api_key",
    ),
    "shares the voice between synthesizers": Wrong(
        "self.voice = str(voice)",
        "type(self).voice = str(voice)",
        {
            BackendContract.test_synthesizer_does_not_change_with_another,
            BackendContract.test_declared_option_is_heard,
        },
        "a synthesizer is the same after another is made with voice='bert'",
    ),
    "raises in cache_key_extra": Wrong(
        'return {"backend": "engine",',
        'return {"backend": self.name,',
        FIELDS,
        "'EngineSynthesizer' object has no attribute 'name'",
    ),
}
