import pytest

from support.speakers import Environment

FIRST_PARTY = {
    "ElevenLabsSynthesizer": ("russo_elevenlabs", "elevenlabs"),
    "GoogleSynthesizer": ("russo_google", "google"),
    "LocalSynthesizer": ("russo_local", "local"),
    "OpenAISpeechSynthesizer": ("russo_openai", "openai"),
    "OpenAISynthesizer": ("russo_openai", "openai"),
}
each = pytest.mark.parametrize(("name", "package", "extra"), [(n, p, e) for n, (p, e) in FIRST_PARTY.items()])
FAIL = """
try:
    exec(f"from russo.synthesizers import {sys.argv[1]}")
except ImportError as error:
    tell([type(error).__name__, str(error), error.name])
"""


def stub(name):
    return f"class {name}: pass"


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    """Return an environment with the four packages, each without its SDK."""
    environment = Environment(tmp_path_factory.mktemp("stubs"))
    modules = {package: "" for package, _ in FIRST_PARTY.values()}
    for name, (package, _) in FIRST_PARTY.items():
        modules[package] += f"{stub(name)}\n"
    environment.install("stubs", modules, {})
    return environment


@each
def test_import_of_a_name_loads_only_its_package(stubs, name, package, extra):
    code = """
import russo.synthesizers
packages = ["russo_elevenlabs", "russo_google", "russo_local", "russo_openai"]
before = [each for each in packages if each in sys.modules]
exec(f"from russo.synthesizers import {sys.argv[1]} as found")
tell([before, found.__module__, [each for each in packages if each in sys.modules]])
"""
    assert stubs.python(code, name) == [[], package, [package]]


def test_error_for_a_missing_package_names_the_install_command(environment):
    for name, (package, extra) in FIRST_PARTY.items():
        message = f'{name} is not installed: pip install "russo-core[{extra}]"'
        assert environment.python(FAIL, name) == ["ModuleNotFoundError", message, package]


def test_missing_sdk_of_a_package_is_reported_unchanged(environment):
    environment.install("stubs", {"russo_google": "import google_sdk_that_is_not_here"}, {})
    kind, message, missing = environment.python(FAIL, "GoogleSynthesizer")
    assert (kind, missing) == ("ModuleNotFoundError", "google_sdk_that_is_not_here")
    assert "pip install" not in message


def test_package_without_the_class_is_reported_unchanged(environment):
    environment.install("stubs", {"russo_google": ""}, {})
    kind, message, _ = environment.python(FAIL, "GoogleSynthesizer")
    assert kind == "ImportError"
    assert "pip install" not in message


@pytest.mark.parametrize("name", ["AcmeSynthesizer", "googlesynthesizer", "_PACKAGE"])
def test_error_for_an_unknown_name_lists_the_names(name):
    import russo.synthesizers

    with pytest.raises(
        AttributeError, match=f"has no attribute {name!r}; it has ElevenLabsSynthesizer, Google"
    ):
        getattr(russo.synthesizers, name)


@pytest.mark.parametrize("names", [[], ["GoogleSynthesizer"], ["GoogleSynthesizer", "LocalSynthesizer"]])
def test_dir_lists_installed_backends_and_imports_none(environment, names):
    environment.install("stubs", {FIRST_PARTY[name][0]: stub(name) for name in names}, {})
    code = """
import russo.synthesizers
tell([dir(russo.synthesizers), [m for m in sys.modules if m.startswith("russo_")]])
"""
    assert environment.python(code) == [names, []]
