"""Checks of the class and of what its author declares; a mistake here would disable other checks."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Final

from ... import RussoError, load_synthesizer
from ..._backends.discovery import API_VERSION, api_key_variables, load_backend
from .base import ContractBase, Make
from .expect import expect, refuse
from .reasons import FOUND_BY_NAME

_SILENT_MISTAKE: Final = "a mistake here silently disables other checks"
_GIVEN_BY_NAME: Final = "the command line, ini files and code give options by name, never by position"
_WHY_IN_KEY: Final = (
    "recordings are found by the key, which must hold the settings that shape the sound, and nothing else"
)
# All backends use the same names for these options.
_SHAPING: Final = frozenset({"voice", "model", "language", "instructions", "speed", "seed"})
_NOT_SHAPING: Final = frozenset({"api_key", "timeout", "max_attempts", "max_concurrency"})


class SignatureChecks(ContractBase):
    """Checks the entry point, the class and its test class."""

    def test_entry_point_leads_to_the_class(self, make: Make) -> None:
        """The backend's entry point in ``russo.synthesizers`` makes the synthesizers that are checked."""
        try:
            factory = load_backend(self.backend)
            loaded = load_synthesizer(self.backend, **self.options)
        except RussoError as error:
            refuse(
                f"an installed package registers {self.backend!r} under russo.synthesizers, and it works",
                error,
                FOUND_BY_NAME,
            )
        made = make()
        expect(
            type(made) is type(loaded),
            f"the entry point {self.backend!r} leads to the class whose synthesizers are checked",
            f"{factory!r} makes {type(loaded)!r}, while make_synthesizer makes {type(made)!r}",
            "the checks would test something else than users get",
        )

    def test_synthesize_takes_one_text(self, make: Make) -> None:
        """The synthesizer has ``async def synthesize(self, text: str) -> Audio``."""
        made = make()
        speak = getattr(made, "synthesize", None)
        wanted = "a synthesizer has a method `async def synthesize(self, text: str) -> Audio`"
        why = "russo awaits it, and users call it by that name"
        expect(callable(speak), wanted, f"{type(made).__name__}.synthesize is {speak!r}", why)
        expect(
            not inspect.isasyncgenfunction(speak), wanted, "an async generator, which cannot be awaited", why
        )
        signature = inspect.signature(speak)  # type: ignore[arg-type]
        try:
            signature.bind(text=self.prompt)
            signature.bind(self.prompt)
        except TypeError as error:
            refuse(wanted, f"synthesize{signature}: {error}", why)

    def test_plugin_contract_fits(self) -> None:
        """``russo_api`` is absent, or a version that this russo-core supports."""
        version = getattr(self.factory, "russo_api", API_VERSION)
        expect(
            type(version) is int and 1 <= version <= API_VERSION,
            f"russo_api is absent or a whole number from 1 to {API_VERSION}",
            f"russo_api = {version!r}",
            "it names the plugin contract that the backend was written for; russo-core refuses a "
            "newer contract",
        )

    def test_options_are_keywords(self) -> None:
        """The class takes keyword-only options, and names each of them."""
        parameters = inspect.signature(self.factory).parameters.values()
        any_name = [str(each) for each in parameters if each.kind is inspect.Parameter.VAR_KEYWORD]
        expect(
            not any_name,
            "the class names each of its options",
            f"`{' '.join(any_name)}`, which takes any name",
            "a misspelt option would be ignored instead of reported with the existing options",
        )
        wrong = [str(each) for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
        expect(not wrong, "the class takes keyword options only (after a `*`)", f"{wrong}", _GIVEN_BY_NAME)

    def test_every_option_is_declared_or_undeclared(self) -> None:
        """Each option of the signature is in either ``declared`` or ``undeclared`` of the test class."""
        parameters = inspect.signature(self.factory).parameters.values()
        known = {each.name for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD}
        tested, twice = set(self.all_options), set(self.declared) & set(self.undeclared)
        expect(
            known == tested and not twice,
            "the test class names every option once, in declared (shapes the sound) or in undeclared",
            f"not named {sorted(known - tested)}, no option {sorted(tested - known)}, twice {sorted(twice)}",
            "for an option that is missing here, no check shows whether it belongs in the key",
        )

    def test_options_are_in_their_place(self) -> None:
        """Options that shape the sound are in ``declared``; key, timeout and limits are in ``undeclared``."""
        unshaping = sorted(_SHAPING & set(self.undeclared))
        shaping = sorted(_NOT_SHAPING & set(self.declared))
        expect(
            not unshaping,
            f"{', '.join(sorted(_SHAPING))} shape the sound, so they belong in declared of the test class",
            f"{unshaping} in undeclared",
            _WHY_IN_KEY,
        )
        expect(
            not shaping,
            f"{', '.join(sorted(_NOT_SHAPING))} do not shape the sound, so they belong in undeclared",
            f"{shaping} in declared",
            _WHY_IN_KEY,
        )

    def test_variables_and_modules_are_named_as_they_are(self) -> None:
        """``credentials`` names environment variables, and ``sdk`` names modules that can be imported."""
        named = getattr(self.factory, "credentials", ())
        expect(
            api_key_variables(self.factory) is not None or named == (),
            "the class attribute `credentials` is a tuple of names of variables, such as ('ACME_API_KEY',)",
            f"{named!r:.200}",
            _SILENT_MISTAKE,
        )
        keyed = self.service is not None and self.service.sent_key is not None
        expect(
            not keyed or named,
            "a backend that sends a key names the variables for it in the class attribute `credentials`",
            f"credentials = {named!r}, but `service` of the test class has a sent_key",
            f"`russo backends` shows whether they are set; {_SILENT_MISTAKE}",
        )
        wanted = "`sdk` of the test class is a tuple of modules, such as ('acme_sdk', 'httpx')"
        expect(
            isinstance(self.sdk, (tuple, list)) and all(isinstance(each, str) for each in self.sdk),
            wanted,
            f"{self.sdk!r}",
            _SILENT_MISTAKE,
        )
        missing = list(_not_importable(self.sdk))
        expect(not missing, f"{wanted}, each of which can be imported here", f"no {missing}", _SILENT_MISTAKE)


def _not_importable(modules: Iterable[str]) -> Iterable[str]:
    """Yield the modules that cannot be found."""
    for name in modules:
        try:
            found = find_spec(name)
        except (ImportError, ValueError):  # the parent package is missing
            found = None
        if found is None:
            yield name
