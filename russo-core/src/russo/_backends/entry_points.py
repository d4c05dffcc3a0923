"""Find an entry point by its name, and import only its package.

The entries of a group make one kind of object: backends make synthesizers, and companions of russo have
their own groups. A broken entry point is reported with its distribution, its target and its cause, and
only when it was chosen.
"""

from __future__ import annotations

import difflib
import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, Final, cast

from .._errors import BackendConfigError, BackendNotFoundError
from .._foreign import shown
from .._hooks import package_of, registered
from .._secret import Secret, hide_credentials
from .constructor import convert_options, find_unknown_option
from .redaction import scrub

_LONGEST_CAUSE: Final = 500


@dataclass(frozen=True, slots=True)
class EntryPointGroup:
    """A group of entry points; each entry is called with options and makes an object.

    Attributes:
        name: The name of the group, as in ``[project.entry-points."russo.synthesizers"]``.
        noun: What an entry is called in messages: "backend".
        product: What an entry makes: "synthesizer".
        extras: The requirements that install first-party entries, by the name of the entry.
        aliases: Other words for an entry, such as a vendor's product, for the hint if a name is unknown.
        contract: The newest plugin contract that is known. An entry whose ``russo_api`` is higher is refused.
        package: The distribution that has this contract.
    """

    name: str
    noun: str
    product: str
    extras: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    contract: int = 1
    package: str = "russo-core"

    def installed(self) -> Mapping[str, tuple[EntryPoint, ...]]:
        """Return the registered entry points by name, sorted. Nothing of them is imported."""
        return installed_in(self.name)

    def load(self, name: str) -> Callable[..., Any]:
        """Import only the entry of this name, and return its class or function.

        Args:
            name: The name of an entry, or ``package.module:factory`` for one that is not registered.

        Raises:
            BackendNotFoundError: The entry does not exist.
            BackendConfigError: It cannot be loaded, or two packages claim the name.
        """
        entry = self._path_entry(name) if ":" in name else self._registered(name)
        subject = f"{self.noun} {name!r}"
        if ":" not in name:
            subject = f"{subject} ({entry.value!r} of {distribution(entry)})"
        try:
            factory = entry.load()
        except Exception as error:
            raise BackendConfigError(f"{subject} cannot be loaded: {_words_of(error)}") from error
        if not callable(factory):
            made = f"an {self.product}" if self.product[0] in "aeiou" else f"a {self.product}"
            raise BackendConfigError(
                f"{subject} is {factory!r:.80}; it must be a class or a function that makes {made}"
            )
        self._check_contract(subject, getattr(factory, "russo_api", self.contract))
        return cast("Callable[..., Any]", factory)

    def make(self, name: str, options: Mapping[str, Any], check: Callable[[object], None]) -> Any:
        """Make an object of the entry of this name.

        Args:
            name: The name of an entry, or ``package.module:factory``.
            options: Options of its constructor.
            check: Raises a `TypeError` for an object of another kind.

        Raises:
            BackendNotFoundError: The entry does not exist; the message lists the installed ones.
            BackendConfigError: An unknown or unusable option, or an entry that cannot be loaded.
        """
        options = hide_credentials(options)  # a traceback may show the locals of this frame
        factory = self.load(name)
        self.check_options(name, factory, options)
        try:
            made = factory(**options)
        except (TypeError, ValueError) as error:
            scrub(error, *(value for value in options.values() if isinstance(value, Secret)))
            raise BackendConfigError(f"{self.noun} {name!r} refuses its options: {error}") from error
        try:
            check(made)
        except TypeError as error:
            raise BackendConfigError(f"{self.noun} {name!r} cannot be used: {error}") from error
        return made

    def check_options(self, name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
        """Refuse options that the constructor does not have.

        Raises:
            BackendConfigError: The message lists the options that it has.
        """
        if (problem := find_unknown_option(factory, options)) is not None:
            raise BackendConfigError(f"{self.noun} {name!r} has no option {problem}")

    def convert_options(
        self, name: str, factory: Callable[..., Any], texts: Mapping[str, str]
    ) -> dict[str, Any]:
        """Convert options written as text by the annotations of the constructor.

        Raises:
            BackendConfigError: An option that does not exist, or a text that is not a value of its type.
        """
        self.check_options(name, factory, texts)
        try:
            return convert_options(factory, texts)
        except ValueError as error:
            raise BackendConfigError(f"{self.noun} {name!r}, option {error}") from error

    def _check_contract(self, subject: str, declared: object) -> None:
        if not isinstance(declared, int):
            raise BackendConfigError(
                f"{subject} has russo_api = {declared!r:.40}; it must be the number of a plugin contract, "
                f"and this {self.package} has contract {self.contract}; correct it in that package"
            )
        if declared > self.contract:
            raise BackendConfigError(
                f"{subject} is written for plugin contract {declared}, this {self.package} has contract "
                f"{self.contract}; pip install --upgrade {self.package}"
            )

    def _path_entry(self, path: str) -> EntryPoint:
        module, _, attribute = path.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
            raise BackendNotFoundError(
                f"{self.noun} {path!r} is not of the form package.module:factory",
                name=path,
                installed=list(self.installed()),
            )
        return EntryPoint(path, path, self.name)

    def _registered(self, name: str) -> EntryPoint:
        installed = self.installed()
        entries = installed.get(name, ())
        if not entries:
            names = list(installed)
            raise BackendNotFoundError(self._not_found(name, names), name=name, installed=names)
        if len(entries) > 1:
            owners = " and ".join(f"{distribution(entry)} ({entry.value})" for entry in entries)
            raise BackendConfigError(f"the name {name!r} is claimed by {owners}; uninstall one of them")
        return entries[0]

    def _not_found(self, name: str, installed: list[str]) -> str:
        listed = f"installed: {', '.join(installed)}" if installed else "none is installed"
        message = f"no {self.noun} is named {name!r}; {listed}"
        if name in self.extras:
            return f'{message}; pip install "{self.extras[name]}" installs it'
        near = self.nearest(name)
        if near is None:
            return message
        hint = "" if near in installed else f' (pip install "{self.extras[near]}")'
        return f"{message}; did you mean {near!r}{hint}?"

    def nearest(self, name: str) -> str | None:
        """Return the entry that an unknown name may mean: installed or first-party, else ``None``."""
        known = [*self.installed(), *self.extras]
        word = name.lower().replace("_", "-")
        if word in known:
            return word
        if (meant := self.aliases.get(word)) in known:
            return meant
        near = difflib.get_close_matches(word, known, n=1) or difflib.get_close_matches(name, known, n=1)
        return near[0] if near else None


def _words_of(error: Exception) -> str:
    """Return the message of an error, with its type if the message alone is not clear."""
    text = shown(str(error), _LONGEST_CAUSE)
    if text and isinstance(error, (ImportError, AttributeError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@functools.cache
def installed_in(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the entry points of a group by name, sorted. Nothing of them is imported.

    The scan reads the metadata of every installed distribution, which takes some milliseconds, once per
    process.
    """
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(registered(group), key=lambda entry: (entry.name, distribution(entry))):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return types.MappingProxyType(found)


def distribution(entry: EntryPoint) -> str:
    """Return the name of the package that registers an entry point."""
    return package_of(entry)
