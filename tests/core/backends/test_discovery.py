import json
import sys
from typing import Literal, Optional, Union

import pytest

from russo import BackendConfigError, BackendNotFoundError, load_synthesizer
from russo._backends.constructor import option_types
from russo._backends.discovery import convert_options
from support.speakers import PROMPT, Environment, Speaker

GROUP = "russo.synthesizers"
ACME = """
from typing import Optional
class AcmeSynthesizer:
    russo_api = 1
    def __init__(self, *, voice: str = "anna", speed: float = 1.0, seed: int | None = None,
                 loud: bool = False, timeout: Optional[float] = 60.0):
        self.options = dict(voice=voice, speed=speed, seed=seed, loud=loud, timeout=timeout)
        if not 0.5 <= speed <= 2:
            raise ValueError(f"speed is {speed}; it must be from 0.5 to 2.0")
    async def synthesize(self, text):
        from russo import Audio
        return Audio(text.encode(), "mp3")
"""
FACTORIES = """
class Maker:
    @classmethod
    def make(cls, *, voice="x"):
        from acme import AcmeSynthesizer
        return AcmeSynthesizer(voice=voice)
"""
BROKEN = "import a_module_that_does_not_exist"
# Makes all the loads, each of which must fail, and returns their errors.
FAIL = """
import russo
def fail(name, options):
    try:
        russo.load_synthesizer(name, **options)
    except russo.RussoError as error:
        return [type(error).__name__, str(error), repr(error.__cause__), getattr(error, "installed", None)]
tell([fail(*case) for case in json.loads(sys.argv[1])])
"""


def install_acme_and_bell(environment):
    environment.install("acme-speech", {"acme": ACME}, {GROUP: {"acme": "acme:AcmeSynthesizer"}})
    environment.install("bell-speech", {"bell.voice": ACME}, {GROUP: {"bell": "bell.voice:AcmeSynthesizer"}})
    environment.install("tools", {"tools.factories": FACTORIES}, {})
    return environment


@pytest.fixture
def installed(environment):
    """An environment with two backends: ``acme`` and ``bell``."""
    return install_acme_and_bell(environment)


def load_error(environment, name, **options):
    """Return class, message, cause and installed names of the error of one load."""
    (error,) = environment.python(FAIL, json.dumps([[name, options]]))
    return error


def load_errors(environment, cases):
    """Make many loads in one process; return their errors by name and options."""
    errors = environment.python(
        FAIL, json.dumps([[name, dict.fromkeys(options, "x")] for name, *options in cases])
    )
    return dict(zip(cases, errors, strict=True))


def test_backend_is_loaded_by_its_name_and_synthesizes(installed):
    code = """
import asyncio, russo
synthesizer = russo.load_synthesizer("acme", voice="bert", speed=1.5)
audio = asyncio.run(synthesizer.synthesize("hello"))
tell([type(synthesizer).__name__, synthesizer.options, audio.data.decode()])
"""
    kind, options, spoken = installed.python(code)
    assert (kind, spoken) == ("AcmeSynthesizer", "hello")
    assert (options["voice"], options["speed"], options["seed"]) == ("bert", 1.5, None)


@pytest.mark.parametrize(("name", "imported"), [("acme", ["acme"]), ("bell", ["bell", "bell.voice"])])
def test_only_the_chosen_package_is_imported(installed, name, imported):
    code = """
import russo
russo.load_synthesizer(sys.argv[1])
tell(sorted(m for m in sys.modules if m.split(".")[0] in {"acme", "bell"}))
"""
    assert installed.python(code, name) == imported


def test_listing_backends_imports_no_backend(installed):
    code = """
from russo._backends.discovery import installed_backends
tell([list(installed_backends()), sorted({"acme", "bell", "asyncio"} & set(sys.modules))])
"""
    assert installed.python(code) == [["acme", "bell"], []]


def test_metadata_is_scanned_once_and_not_at_import(installed):
    code = """
scans = []
def watch(event, args):
    if event == "open" and str(args[0]).endswith("entry_points.txt"):
        scans.append(event)
sys.addaudithook(watch)
import russo, russo._flow.cached
load = russo.load_synthesizer
seen = [len(scans)]
for _ in range(3):
    load("acme")
    seen.append(len(scans))
tell(seen)
"""
    before, *after = installed.python(code)
    assert before == 0
    assert after[0] > 0
    assert len(set(after)) == 1


UNKNOWN = [
    ("acmee", "no backend is named 'acmee'; installed: acme, bell; did you mean 'acme'?"),
    ("Bell", "no backend is named 'Bell'; installed: acme, bell; did you mean 'bell'?"),
    ("zzz", "no backend is named 'zzz'; installed: acme, bell"),
    ("", "no backend is named ''; installed: acme, bell"),
    ("google", "no backend is named 'google'; installed: acme, bell; "
     'pip install "russo-core[google]" installs it'),
    ("elevenlab", "no backend is named 'elevenlab'; installed: acme, bell; did you mean 'elevenlabs' "
     '(pip install "russo-core[elevenlabs]")?'),
    *((word, f"no backend is named {word!r}; installed: acme, bell; did you mean {name!r} "
       f'(pip install "russo-core[{name.partition("-")[0]}]")?')
      for word, name in [("gemini", "google"), ("Vertex_AI", "google"), ("OpenAI", "openai"), ("gpt", "openai"),
                         ("tts-1", "openai-speech"), ("11labs", "elevenlabs"), ("xi", "elevenlabs"),
                         ("hibari", "local"), ("offline", "local")]),
    ("whisper", "no backend is named 'whisper'; installed: acme, bell"),
]  # fmt: skip


FACTORY_ERRORS = [
    ("not_there:make", "BackendConfigError", "No module named 'not_there'"),
    ("acme:not_there", "BackendConfigError", "has no attribute 'not_there'"),
    ("acme:", "BackendNotFoundError", "is not of the form package.module:factory"),
    (":make", "BackendNotFoundError", "is not of the form package.module:factory"),
    ("a b:make", "BackendNotFoundError", "is not of the form package.module:factory"),
    ("acme:a:b", "BackendNotFoundError", "is not of the form package.module:factory"),
    ("../acme:make", "BackendNotFoundError", "is not of the form package.module:factory"),
]
OPTION_ERRORS = [
    ("voise", " (did you mean 'voice'?)"),
    ("api_key", ""),
    ("Voice", " (did you mean 'voice'?)"),
]


@pytest.fixture(scope="module")
def errors_of_loads(tmp_path_factory):
    """The errors of loads in an environment with ``acme`` and ``bell``."""
    environment = install_acme_and_bell(Environment(tmp_path_factory.mktemp("two")))
    cases = [(name,) for name, *_ in [*UNKNOWN, *FACTORY_ERRORS]]
    return load_errors(environment, [*cases, *(("acme", option) for option, _ in OPTION_ERRORS)])


@pytest.mark.parametrize(("name", "message"), UNKNOWN)
def test_unknown_name_lists_what_is_installed_and_the_nearest_match(errors_of_loads, name, message):
    assert errors_of_loads[name,] == ["BackendNotFoundError", message, "None", ["acme", "bell"]]


@pytest.mark.parametrize(("option", "hint"), OPTION_ERRORS)
def test_unknown_option_lists_the_ones_that_exist(errors_of_loads, option, hint):
    kind, message, *_ = errors_of_loads["acme", option]
    assert kind == "BackendConfigError"
    assert message == (
        f"backend 'acme' has no option {option!r}{hint}; its options are: loud, seed, speed, timeout, voice"
    )


@pytest.mark.parametrize(("path", "kind", "message"), FACTORY_ERRORS)
def test_name_that_is_not_a_factory_is_a_typed_error(errors_of_loads, path, kind, message):
    seen, text, *_ = errors_of_loads[path,]
    assert seen == kind
    assert message in text
    assert repr(path) in text


def test_error_for_a_missing_first_party_backend_names_the_install_command(environment):
    extras = {name: name for name in ("google", "openai", "elevenlabs", "local")} | {
        "openai-speech": "openai"
    }
    for (name,), error in load_errors(environment, [(name,) for name in extras]).items():
        hint = f'pip install "russo-core[{extras[name]}]" installs it'
        message = f"no backend is named {name!r}; none is installed; {hint}"
        assert error == ["BackendNotFoundError", message, "None", []]


NO_MODULE = "No module named '{}'"
BROKEN_PLUGINS = {
    # name: source of its module, entry point, the cause as the message shows it
    "sdk": (BROKEN, "m_sdk:Synthesizer", NO_MODULE.format("a_module_that_does_not_exist")),
    "renamed": ("", "m_renamed:Synthesizer", "module 'm_renamed' has no attribute 'Synthesizer'"),
    "crash": ("1 / 0", "m_crash:Synthesizer", "ZeroDivisionError: division by zero"),
    "hostile": ("raise OSError('\\x1b[2J\\n')", "m_hostile:Synthesizer", r"OSError: \x1b[2J\n"),
    "syntax": ("def (", "m_syntax:Synthesizer", "SyntaxError: invalid syntax (m_syntax.py, line 1)"),
    "gone": ("", "not_there:Synthesizer", NO_MODULE.format("not_there")),
    "form": ("", "no such form", ""),
    "half": ("", "m_half:", ""),
    "module": ("", "m_module", ""),
}
ODD_PLUGINS = {
    "text": ("Synthesizer = 'text'", "is 'text'; it must be a class or a function that makes a synthesizer"),
    "nothing": (
        "def Synthesizer(): return None",
        "cannot be used: None is not a synthesizer: it needs a method",
    ),
    "half_made": ("class Synthesizer: pass", "cannot be used: <m_half_made.Synthesizer object"),
    "class": ("class S: pass\ndef Synthesizer(): return S", "S is a class, not a synthesizer"),
    "newer": (
        ACME.replace("russo_api = 1", "russo_api = 2") + "\nSynthesizer = AcmeSynthesizer",
        "is written for plugin contract 2, this russo-core has contract 1; pip install --upgrade russo-core",
    ),
    "newest": (
        ACME.replace("russo_api = 1", "russo_api = 99") + "\nSynthesizer = AcmeSynthesizer",
        "is written for plugin contract 99, this russo-core has contract 1; pip install --upgrade russo-core",
    ),
    "worded": (
        ACME.replace("russo_api = 1", "russo_api = 'x'") + "\nSynthesizer = AcmeSynthesizer",
        "has russo_api = 'x'; it must be the number of a plugin contract, and this russo-core has contract 1; "
        "correct it in that package",
    ),
}


@pytest.fixture(scope="module")
def broken_plugins(tmp_path_factory):
    """An environment in which most plugins are broken, each in its own way."""
    environment = install_acme_and_bell(Environment(tmp_path_factory.mktemp("zoo")))
    for name, (source, value, _) in BROKEN_PLUGINS.items():
        environment.install(f"{name}-speech", {f"m_{name}": source}, {GROUP: {name: value}})
    for name, (source, _) in ODD_PLUGINS.items():
        entry = {name: f"m_{name}:Synthesizer"}
        environment.install(f"{name}-speech", {f"m_{name}": source}, {GROUP: entry})
    return environment


@pytest.fixture(scope="module")
def plugin_errors(broken_plugins):
    return load_errors(broken_plugins, [(name,) for name in (*BROKEN_PLUGINS, *ODD_PLUGINS, "zzz")])


@pytest.mark.parametrize("name", BROKEN_PLUGINS)
def test_error_for_a_broken_plugin_names_package_entry_point_and_cause(plugin_errors, name):
    _, value, cause = BROKEN_PLUGINS[name]
    kind, message, chained, _ = plugin_errors[name,]
    assert kind == "BackendConfigError"
    start = f"backend {name!r} ({value!r} of {name}-speech) "
    assert message.startswith(
        f"{start}cannot be loaded: {cause}" if name != "module" else f"{start}is <module"
    )
    assert cause.rpartition(": ")[2].partition(" (")[0] in chained


@pytest.mark.parametrize("name", ODD_PLUGINS)
def test_plugin_without_a_synthesizer_or_for_a_newer_contract_is_a_config_error(plugin_errors, name):
    kind, message, *_ = plugin_errors[name,]
    assert kind == "BackendConfigError"
    assert message.startswith(f"backend {name!r} ")
    assert ODD_PLUGINS[name][1] in message


@pytest.mark.parametrize("name", ["newer", "newest"])
def test_plugin_for_a_newer_russo_is_named_with_its_package_and_not_called(
    broken_plugins, plugin_errors, name
):
    assert plugin_errors[name,][1].startswith(f"backend {name!r} ('m_{name}:Synthesizer' of {name}-speech) ")
    code = """
import russo, m_newer
m_newer.AcmeSynthesizer.__init__ = lambda self, **options: tell("made")
try:
    russo.load_synthesizer("newer")
except russo.BackendConfigError as error:
    tell("refused")
"""
    assert broken_plugins.python(code) == "refused"


def test_broken_plugins_do_not_affect_other_backends(broken_plugins, plugin_errors):
    code = "import russo; tell(type(russo.load_synthesizer('acme')).__name__)"
    assert broken_plugins.python(code) == "AcmeSynthesizer"
    assert set(plugin_errors["zzz",][3]) == {"acme", "bell", *BROKEN_PLUGINS, *ODD_PLUGINS}


def test_name_claimed_by_two_packages_is_an_error_that_names_both(installed):
    installed.install("other-speech", {"other": ACME}, {GROUP: {"acme": "other:AcmeSynthesizer"}})
    kind, message, _, _ = load_error(installed, "acme")
    assert kind == "BackendConfigError"
    assert message == (
        "the name 'acme' is claimed by acme-speech (acme:AcmeSynthesizer) and other-speech "
        "(other:AcmeSynthesizer); uninstall one of them"
    )
    assert installed.python("import russo; tell(bool(russo.load_synthesizer('bell')))") is True


def test_package_found_twice_is_not_a_conflict(installed, tmp_path):
    # An editable install beside a stale copy of its metadata: Python uses the first copy on the path.
    code = f"""
import pathlib, shutil
second = pathlib.Path({str(tmp_path / "second")!r})
shutil.copytree(sys.path[0] + "/acme_speech-1.0.dist-info", second / "acme_speech-1.0.dist-info")
sys.path.append(str(second))
import russo
tell(type(russo.load_synthesizer("acme")).__name__)
"""
    assert installed.python(code) == "AcmeSynthesizer"


def test_option_refused_by_the_backend_is_a_config_error(installed):
    kind, message, cause, _ = load_error(installed, "acme", speed=9.0)
    assert kind == "BackendConfigError"
    assert message == "backend 'acme' refuses its options: speed is 9.0; it must be from 0.5 to 2.0"
    assert cause.startswith("ValueError")


@pytest.mark.parametrize("line", ["", "russo_api = 1", "russo_api = 0"], ids=["absent", "equal", "lower"])
def test_plugin_for_this_contract_or_an_older_one_is_loaded(installed, line):
    source = ACME.replace("russo_api = 1", line or "pass")
    installed.install("old-speech", {"old": source}, {GROUP: {"old": "old:AcmeSynthesizer"}})
    assert installed.python("import russo; tell(bool(russo.load_synthesizer('old')))") is True


def test_factory_function_for_a_newer_russo_is_refused(installed):
    source = ACME + "\ndef make(*, voice='x'): return AcmeSynthesizer(voice=voice)\nmake.russo_api = 2\n"
    installed.install("made-speech", {"made": source}, {GROUP: {"made": "made:make"}})
    kind, message, *_ = load_error(installed, "made")
    assert kind == "BackendConfigError"
    assert "contract 2" in message
    assert load_error(installed, "made:make")[1].startswith("backend 'made:make' is written for")


@pytest.mark.parametrize("path", ["acme:AcmeSynthesizer", "tools.factories:Maker.make"])
def test_factory_needs_no_entry_point(installed, path):
    code = "import russo; tell(russo.load_synthesizer(sys.argv[1], voice='own').options['voice'])"
    assert installed.python(code, path) == "own"


class Options:
    def __init__(
        self,
        *,
        text: str = "",
        count: int = 0,
        pace: float = 1.0,
        loud: bool = False,
        maybe_text: str | None = None,
        maybe_count: Optional[int] = None,  # noqa: UP045 - backends may write it so
        maybe_pace: Union[float, None] = None,  # noqa: UP007 - and so
        maybe_loud: bool | None = None,
        number_or_text: int | str = 0,
        text_or_number: str | int = 0,
        choice: Literal["a", "b"] = "a",
        raw: bytes = b"",
        bare="x",
    ):
        self.values = {}

    async def synthesize(self, text):
        raise NotImplementedError


class Deferred:
    def __init__(self, *, count: "int | None" = None, unknown: "NoSuchType" = None):  # noqa: F821
        pass


def convert(option, text, factory=Options):
    return convert_options("custom", factory, {option: text})[option]


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("text", "1.5", "1.5"),
        ("text", "", ""),
        ("text", "none", "none"),
        ("text", "Don't \\ shout = 1", "Don't \\ shout = 1"),
        ("count", "7", 7),
        ("count", "-7", -7),
        ("pace", "1", 1.0),
        ("pace", "1.25", 1.25),
        ("pace", "1e-3", 0.001),
        ("loud", "true", True),
        ("loud", "False", False),
        ("loud", "YES", True),
        ("loud", "no", False),
        ("loud", "on", True),
        ("loud", "off", False),
        ("loud", "1", True),
        ("loud", "0", False),
        ("maybe_text", "none", None),
        ("maybe_text", "None", None),
        ("maybe_text", "x", "x"),
        ("maybe_count", "none", None),
        ("maybe_count", "7", 7),
        ("maybe_pace", "7", 7.0),
        ("maybe_pace", "none", None),
        ("maybe_loud", "off", False),
        ("maybe_loud", "none", None),
        ("number_or_text", "7", 7),
        ("number_or_text", "seven", "seven"),
        ("text_or_number", "7", 7),
        ("text_or_number", "seven", "seven"),
        ("choice", "b", "b"),
        ("bare", "7", "7"),
    ],
)
def test_text_is_converted_to_the_annotated_type(option, text, value):
    converted = convert(option, text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("count", "1.5", "must be an integer, not '1.5'"),
        ("count", "", "must be an integer, not ''"),
        ("pace", "fast", "must be a number, not 'fast'"),
        ("loud", "maybe", "must be true or false, not 'maybe'"),
        ("loud", "2", "must be true or false, not '2'"),
        ("maybe_count", "many", "must be an integer, not 'many'"),
        ("maybe_loud", "", "must be true or false, not ''"),
    ],
)
def test_text_that_does_not_convert_is_refused_with_backend_and_option(option, text, message):
    with pytest.raises(BackendConfigError) as caught:
        convert(option, text)
    assert str(caught.value) == f"backend 'custom', option {option}={text!r}: {message}"


def test_text_is_not_converted_if_annotations_do_not_resolve():
    assert convert("unknown", "7", Deferred) == "7"


def make(count: int = 0, **more):
    return Options()


class Unannotated:
    pass


@pytest.mark.parametrize(
    ("factory", "option", "text", "value"),
    [(make, "count", "7", 7), (make, "anything", "7", "7"), (lambda voice="a": None, "voice", "7", "7")],
)
def test_function_may_be_a_factory(factory, option, text, value):
    assert convert(option, text, factory) == value


def test_error_for_a_class_without_options_lists_none():
    assert option_types(Unannotated) == ({}, False)
    with pytest.raises(BackendConfigError, match=r"has no option 'voice'; its options are: none"):
        convert("voice", "x", Unannotated)


def test_unknown_option_as_text_is_refused_with_the_nearest_name():
    with pytest.raises(BackendConfigError, match=r"has no option 'pase' \(did you mean 'pace'\?\)"):
        convert("pase", "1")


def test_options_reach_the_constructor_unchanged(monkeypatch):
    made = load_synthesizer("support.speakers:Speaker", voice="bert", speed=1)
    assert made.cache_key_extra == {"backend": "speaker", "voice": "bert", "speed": 1}
    assert isinstance(made, Speaker)


def test_error_holds_the_name_and_the_installed_backends():
    with pytest.raises(BackendNotFoundError) as caught:
        load_synthesizer("not-installed")
    assert caught.value.name == "not-installed"
    assert caught.value.installed == sorted(caught.value.installed)
    assert PROMPT not in str(caught.value)
    assert "nobody_has_this" not in sys.modules
