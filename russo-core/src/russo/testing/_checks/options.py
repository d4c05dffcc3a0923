"""Checks of options, cache key fields and repr of a synthesizer, before it speaks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from ... import BackendConfigError, cache_key
from ..._backends.descriptions import describe_options, ranges_of, voices_of
from ..._backends.discovery import convert_options
from ..._backends.options import Range
from .base import ContractBase, Make, as_json, fields_of, made_or_none, wrapped_backend
from .errors import check_unseen
from .expect import expect, refuse
from .planted_key import PLANTED_KEY
from .reasons import STALE_KEY

_SAME_KEY = "a prompt would be replayed in the wrong voice"
_SHOWN_TO_USERS = "`russo backends NAME` shows it to users as a value that they can set"
_GIVEN_AS_TEXT = "options come from the command line, from ini files and from code"


class OptionChecks(ContractBase):
    """Checks a synthesizer before it speaks."""

    def test_option_can_be_written_as_text(self, declared_option: str, make: Make) -> None:
        """An option given as text, as on the command line and in ini files, means the same as its value."""
        value = self.declared[declared_option]
        if not isinstance(value, (str, int, float)):
            pytest.skip(f"{declared_option} is not a text, a number or a truth value")
        try:
            given = convert_options(self.backend, self.factory, {declared_option: str(value)})
        except BackendConfigError as error:
            refuse(
                f"{declared_option}={value} can be given as text, by its annotation", error, _GIVEN_AS_TEXT
            )
        fields, same = fields_of(make(**given)), fields_of(make(**{declared_option: value}))
        expect(
            as_json(fields) == as_json(same),
            f"{declared_option}={value} given as text has the key fields of {value!r}",
            f"{as_json(fields)}, and {as_json(same)} for {value!r}",
            "a recording that was made with the command line would be a miss in the tests",
        )

    def test_declared_ranges_hold(self, make: Make) -> None:
        """The constructor takes both ends of each `Range` in its annotations, and nothing beyond them."""
        for name, bounds in ranges_of(self.factory).items():
            ends = [end for end in (bounds.least, bounds.most) if math.isfinite(end) and end in bounds]
            refused = [end for end in ends if made_or_none(make, **{name: end}) is None]
            taken = [end for end in _beyond(bounds) if made_or_none(make, **{name: end}) is not None]
            declared = f"the constructor takes the values of {name} that its annotation declares"
            expect(
                not refused and not taken,
                f"{declared}, and no other: {bounds}",
                f"it refuses {refused} and takes {taken}",
                _SHOWN_TO_USERS,
            )

    def test_declared_voices_and_choices_are_accepted(self, make: Make) -> None:
        """The constructor takes each voice in ``voices``, and each choice of a ``Literal``."""
        voices = getattr(self.factory, "voices", None)
        named = voices_of(self.factory) or ()
        expect(
            bool(named) or not voices,
            "the class attribute `voices` is a tuple of names, such as ('anna', 'bert')",
            f"voices = {voices!r:.200}",
            _SHOWN_TO_USERS,
        )
        choices = {option.name: option.choices for option in describe_options(self.factory)}
        possible = [*(("voice", voice) for voice in named)]
        possible += [(name, choice) for name, each in choices.items() for choice in each]
        for name, value in possible:
            try:
                make(**convert_options(self.backend, self.factory, {name: value}))
            except Exception as error:  # noqa: BLE001 - a constructor may refuse a value with any exception
                refuse(f"the constructor takes {name}={value}, which it declares", error, _SHOWN_TO_USERS)

    def test_cache_key_extra_is_json(self, make: Make) -> None:
        """``cache_key_extra`` is a mapping of names to JSON values."""
        for synthesizer in (make(), make(**self.declared)):
            fields = fields_of(synthesizer)
            try:
                cache_key(self.prompt, fields, None)
            except (TypeError, ValueError) as error:
                refuse(
                    "cache_key_extra maps names to JSON values", error, "the cache key is made of its JSON"
                )

    def test_cache_key_extra_names_the_backend(self, make: Make) -> None:
        """The mapping holds the backend's name; a wrapper forwards the mapping of the wrapped synthesizer."""
        synthesizer = make()
        fields = fields_of(synthesizer)
        expect(
            fields.get("backend") in (self.backend, *wrapped_backend(synthesizer)),
            f"cache_key_extra has 'backend': {self.backend!r}, or is that of a wrapped synthesizer",
            f"{as_json(fields)}",
            "two backends with the same options would replay each other's audio",
        )

    def test_declared_option_changes_the_key(self, declared_option: str, make: Make) -> None:
        """Each option that shapes the sound changes ``cache_key_extra``."""
        value = self.declared[declared_option]
        usual = {**_defaults(self.factory), **self.options}.get(declared_option)
        expect(
            value != usual,
            f"declared[{declared_option!r}] in the test class is not the default value",
            f"{value!r} is",
            "a check with the default value would check nothing",
        )
        changed, fields = as_json(fields_of(make(**{declared_option: value}))), as_json(fields_of(make()))
        expect(
            changed != fields,
            f"cache_key_extra changes with the option {declared_option}",
            f"{fields}, with {declared_option}={value!r} too",
            STALE_KEY,
        )

    def test_near_values_have_keys_of_their_own(self, declared_option: str, make: Make) -> None:
        """Values whose repr differs, such as near numbers, 0 and long texts, have different key fields."""
        if repr(make()) != repr(make()):
            pytest.skip(
                "two synthesizers with equal settings have different reprs, so they cannot be compared"
            )
        keys: dict[str, tuple[object, str]] = {}
        for value in ("its default", *_similar_values(self.declared[declared_option], declared_option)):
            given = {} if value == "its default" else {declared_option: value}
            synthesizer = made_or_none(make, **given)
            if synthesizer is None:
                continue  # the option does not allow this value
            fields, shown = as_json(fields_of(synthesizer)), repr(synthesizer)
            other, other_shown = keys.setdefault(fields, (value, shown))
            expect(
                shown == other_shown,
                f"{declared_option}={value!r:.80} and {other!r:.80} have different key fields",
                f"{fields:.300} for both; their reprs are {shown:.300} and {other_shown:.300}",
                f"{_SAME_KEY}; declare the whole value that is used",
            )

    def test_synthesizer_does_not_change_with_another(self, declared_option: str, make: Make) -> None:
        """Making another synthesizer changes neither the key fields nor the repr of the first."""
        first, value = make(), self.declared[declared_option]
        before = as_json(fields_of(first)), repr(first)
        make(**{declared_option: value})
        after = as_json(fields_of(first)), repr(first)
        expect(
            before == after,
            f"a synthesizer is the same after another is made with {declared_option}={value!r:.80}",
            f"{before} before, {after} after",
            f"a run may hold two voices; {_SAME_KEY}",
        )

    def test_undeclared_options_change_no_key(self, make: Make) -> None:
        """Credentials, timeouts and limits, together and each alone, do not change ``cache_key_extra``."""
        fields = fields_of(make())
        self._check_same(fields, fields_of(make(**self.undeclared)), self.undeclared)
        for name, value in self.undeclared.items():
            alone = made_or_none(make, **{name: value})
            if alone is not None:
                self._check_same(fields, fields_of(alone), [name])

    def _check_same(self, fields: dict[str, Any], changed: dict[str, Any], names: Iterable[str]) -> None:
        different = sorted(
            name
            for name in {*changed, *fields}
            if as_json({"": changed.get(name)}) != as_json({"": fields.get(name)})
        )
        expect(
            as_json(changed) == as_json(fields),
            f"cache_key_extra does not change with {' and '.join(names)}",
            f"they change {', '.join(different)}: {as_json(changed)} instead of {as_json(fields)}",
            "recordings would be misses for users with another key, timeout or limit",
        )

    def test_whole_number_and_float_make_one_key(self, declared_option: str, make: Make) -> None:
        """A float option given as 1 has the same key fields as one given as 1.0."""
        value = self.declared[declared_option]
        if not isinstance(value, float):
            pytest.skip(f"{declared_option} is not a float")
        for whole in (1, math.ceil(value), math.floor(value)):
            try:
                floating = as_json(fields_of(make(**{declared_option: float(whole)})))
            except (ValueError, BackendConfigError):
                continue  # the number is out of the option's range
            seen = as_json(fields_of(make(**{declared_option: whole})))
            expect(
                seen == floating,
                f"{declared_option}={whole} has the key fields of {float(whole)}: convert it by its "
                "annotation",
                f"{seen} and {floating}",
                "one setting would have two keys, and its prompts would be billed twice",
            )
            return
        pytest.skip(f"no whole number near {value} is in the range of {declared_option}")

    def test_cache_key_extra_is_the_same_after_speaking(self, speaking: Make) -> None:
        """``cache_key_extra`` does not change when the synthesizer speaks."""
        synthesizer = speaking()
        before = as_json(fields_of(synthesizer))
        self.speak(synthesizer)
        after = as_json(fields_of(synthesizer))
        expect(
            before == after,
            "cache_key_extra is the same before and after a call",
            f"{before} before, {after} after",
            "a prompt stored under one key would be looked up under another",
        )

    def test_cache_key_extra_and_repr_show_no_credential(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key from the option, a variable or ``base_url`` is not in ``cache_key_extra`` or the repr."""
        for name in self.credentials:
            monkeypatch.setenv(name, PLANTED_KEY)
        given = [{}, {"api_key": PLANTED_KEY}, {"base_url": f"https://user:{PLANTED_KEY}@127.0.0.1:9"}]
        for options in given:
            if not all(map(self.accepts, options)):
                continue
            try:
                synthesizer = make(**options)
            except (ValueError, BackendConfigError) as error:
                check_unseen([str(error), repr(error)], "the error that refuses an option")
                continue
            check_unseen([as_json(fields_of(synthesizer))], "cache_key_extra")
            check_unseen([repr(synthesizer), str(synthesizer)], "repr and str")

    def test_repr_shows_the_setting(self, declared_option: str, make: Make) -> None:
        """The repr shows each option that shapes the sound with its value."""
        value = self.declared[declared_option]
        shown = repr(make(**{declared_option: value}))
        expect(
            f"{declared_option}={value!r}" in shown,
            f"repr shows {declared_option}={value!r}",
            shown,
            "a failing test and the log show the repr",
        )


def _similar_values(value: object, option: str) -> Iterator[object]:
    """Yield similar values that a careless key might not distinguish."""
    yield value
    if isinstance(value, float):
        yield from (value + 0.01, value - 0.01, 0.0)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from (value + 1, value - 1, 0)
    elif isinstance(value, str) and option != "base_url":  # different addresses may reach the same server
        long = f"{value} {'and so on ' * 50}"
        yield from (value.swapcase(), f"{long}one", f"{long}two")


def _beyond(bounds: Range) -> Iterator[float]:
    """Yield a number below a range and a number above it, if there is one."""
    yield bounds.least if bounds.above else bounds.least - 1
    if math.isfinite(bounds.most):
        yield bounds.most + 1


def _defaults(factory: Any) -> Mapping[str, object]:
    """Return the default of each option."""
    return {name: each.default for name, each in inspect.signature(factory).parameters.items()}
