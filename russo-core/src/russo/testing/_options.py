"""Checks of the entry point, the options, the key and the repr: what holds before a word is spoken."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import pytest

from .. import BackendConfigError, RussoError, cache_key
from .._backends import API_VERSION, convert_options, load_backend
from ._declared import PLANTED_KEY, Declared, Make, as_json, fields_of
from ._expect import expect, refuse

_STALE = "settings that are not in the key replay the old voice when they are changed"
_LEAK = "cache keys, their fields and reprs are written to disk, to logs and into repositories"
_KEYWORDS = "options come from the command line, ini files and code by their names, never by their place"


class OptionChecks(Declared):
    """What holds before a word is spoken."""

    def test_entry_point_leads_to_the_class(self, make: Make) -> None:
        """The backend's name, among the entry points of ``russo.synthesizers``, makes these synthesizers."""
        try:
            factory = load_backend(self.backend)
        except RussoError as error:
            refuse(
                f"an installed package registers {self.backend!r} under russo.synthesizers",
                error,
                "pytest --russo-synth and load_synthesizer find a backend by that name alone",
            )
        made = make()
        expect(
            not inspect.isclass(factory) or type(made) is factory,
            f"the entry point {self.backend!r} leads to the class whose synthesizers are checked",
            f"{factory!r}, while make_synthesizer makes {type(made)!r}",
            "what is checked here would not be what users get",
        )
        expect(
            callable(getattr(made, "synthesize", None)),
            "a synthesizer has a method `async def synthesize(self, text: str) -> Audio`",
            f"{type(made).__name__}.synthesize is {getattr(made, 'synthesize', None)!r}",
            "russo awaits it, and users do",
        )

    def test_plugin_contract_fits(self) -> None:
        """``russo_api`` is absent or a version that this russo-core has."""
        version = getattr(self.factory, "russo_api", API_VERSION)
        expect(
            isinstance(version, int) and 1 <= version <= API_VERSION,
            f"russo_api is absent or a whole number from 1 to {API_VERSION}",
            f"russo_api = {version!r}",
            "it tells russo-core which plugin contract the backend was written for; a higher one is refused",
        )

    def test_options_are_keywords(self) -> None:
        """The class takes keyword options only, each by its name."""
        parameters = inspect.signature(self.factory).parameters.values()
        wrong = [str(each) for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
        expect(not wrong, "the class takes keyword options only (after a `*`)", f"{wrong}", _KEYWORDS)

    def test_every_option_is_declared_or_undeclared(self) -> None:
        """Each option of the signature stands in ``declared`` or ``undeclared`` of the test class, once."""
        known, tested = set(inspect.signature(self.factory).parameters), set(self.all_options)
        twice = set(self.declared) & set(self.undeclared)
        expect(
            known == tested and not twice,
            "the test class names every option once, in declared (shapes the sound) or in undeclared",
            f"not named {sorted(known - tested)}, no option {sorted(tested - known)}, twice {sorted(twice)}",
            "an option that is forgotten here is one whose place in the key nobody has checked",
        )

    def test_option_can_be_written_as_text(self, declared_option: str, make: Make) -> None:
        """An option given as text, as the command line and ini files do, means the same as its value."""
        value = self.declared[declared_option]
        if not isinstance(value, (str, int, float)):
            pytest.skip(f"{declared_option} is no text, number or truth value")
        try:
            given = convert_options(self.backend, self.factory, {declared_option: str(value)})
        except BackendConfigError as error:
            refuse(f"{declared_option}={value} can be given as text, by its annotation", error, _KEYWORDS)
        fields, same = fields_of(make(**given)), fields_of(make(**{declared_option: value}))
        expect(
            as_json(fields) == as_json(same),
            f"{declared_option}={value} given as text is declared as {value!r} is",
            f"{as_json(fields)}, and {as_json(same)} for {value!r}",
            "a recording made by the command line would be a miss in the tests",
        )

    def test_cache_key_extra_is_json(self, make: Make) -> None:
        """What is declared is a mapping of names to JSON values."""
        for synthesizer in (make(), make(**self.declared)):
            fields = fields_of(synthesizer)
            try:
                cache_key(self.prompt, fields, None)
            except (TypeError, ValueError) as error:
                refuse("cache_key_extra maps names to JSON values", error, "a key is made of its JSON")

    def test_cache_key_extra_names_the_backend(self, make: Make) -> None:
        """The mapping holds the backend's name."""
        fields = fields_of(make())
        expect(
            fields.get("backend") == self.backend,
            f"cache_key_extra has 'backend': {self.backend!r}",
            f"{as_json(fields)}",
            "two backends that declare the same options would replay each other's voices",
        )

    def test_declared_option_changes_the_key(self, declared_option: str, make: Make) -> None:
        """Each option that shapes the sound changes what is declared."""
        value = self.declared[declared_option]
        usual = {**_defaults(self.factory), **self.options}.get(declared_option)
        expect(
            value != usual,
            f"declared[{declared_option!r}] in the test class is not the value that is used anyway",
            f"{value!r} is",
            "a check that changes nothing shows nothing",
        )
        changed, fields = as_json(fields_of(make(**{declared_option: value}))), as_json(fields_of(make()))
        expect(
            changed != fields,
            f"cache_key_extra changes with the option {declared_option}",
            f"{fields}, with {declared_option}={value!r} too",
            _STALE,
        )

    def test_undeclared_options_change_no_key(self, make: Make) -> None:
        """Credentials, timeouts and limits are not declared."""
        changed, fields = fields_of(make(**self.undeclared)), fields_of(make())
        different = sorted(
            name
            for name in {*changed, *fields}
            if as_json({"": changed.get(name)}) != as_json({"": fields.get(name)})
        )
        expect(
            as_json(changed) == as_json(fields),
            f"cache_key_extra is the same whatever {', '.join(self.undeclared)} are",
            f"they change {', '.join(different)}: {as_json(changed)} instead of {as_json(fields)}",
            "recordings would be missed by whoever has another key, timeout or limit",
        )

    def test_whole_number_and_float_make_one_key(self, declared_option: str, make: Make) -> None:
        """A number of the option's type is declared, whether it is written 1 or 1.0."""
        value = self.declared[declared_option]
        if not isinstance(value, float):
            pytest.skip(f"{declared_option} is no float")
        for whole in (1, math.ceil(value), math.floor(value)):
            try:
                floating = as_json(fields_of(make(**{declared_option: float(whole)})))
            except (ValueError, BackendConfigError):
                continue  # out of the option's range
            seen = as_json(fields_of(make(**{declared_option: whole})))
            expect(
                seen == floating,
                f"{declared_option}={whole} is declared as {float(whole)} is: convert it by its annotation",
                f"{seen} and {floating}",
                "one setting would have two keys, and be paid for twice",
            )
            return
        pytest.skip(f"no whole number near {value} is in the range of {declared_option}")

    def test_cache_key_extra_is_the_same_after_speaking(self, speaking: Make) -> None:
        """What is declared does not change with what the synthesizer does."""
        synthesizer = speaking()
        before = as_json(fields_of(synthesizer))
        self.speak(synthesizer)
        after = as_json(fields_of(synthesizer))
        expect(
            before == after,
            "cache_key_extra is the same before and after a call",
            f"{before} before, {after} after",
            "a prompt stored under one key would be looked for under another",
        )

    def test_cache_key_extra_and_repr_show_no_credential(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key, given or in its variable, is neither declared nor shown."""
        for name in self.credentials:
            monkeypatch.setenv(name, PLANTED_KEY)
        has_key = "api_key" in inspect.signature(self.factory).parameters
        for options in ({}, {"api_key": PLANTED_KEY} if has_key else {}):
            synthesizer = make(**options)
            for what, said in (
                ("cache_key_extra", as_json(fields_of(synthesizer))),
                ("repr", repr(synthesizer)),
            ):
                expect(PLANTED_KEY not in said, f"{what} holds no credential", said, _LEAK)

    def test_repr_shows_the_setting(self, declared_option: str, make: Make) -> None:
        """The repr names each option that shapes the sound with its value."""
        value = self.declared[declared_option]
        said = repr(make(**{declared_option: value}))
        expect(
            f"{declared_option}={value!r}" in said,
            f"repr shows {declared_option}={value!r}",
            said,
            "it is what a failing test and the log tell of the synthesizer",
        )


def _defaults(factory: Any) -> Mapping[str, object]:
    return {name: each.default for name, each in inspect.signature(factory).parameters.items()}
