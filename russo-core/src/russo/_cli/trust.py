"""Asks before russo sends a key to a server, or runs code, that only the folder's ini-file names.

An ini-file comes with a repository. Servers and code that the user named (command line, environment) are used
without asking.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import click

from .._backends.discovery import load_backend
from .._foreign import shown
from .._settings import options_name
from . import screen
from .consent import is_terminal
from .urls import without_credentials
from .workspace import CommandWorkspace

# Names of options whose value is a server, such as `base_url`.
_SERVER: Final = re.compile(
    r"(.*_)?(url|uri|endpoint|host|server|proxy|gateway|address|api_base)", re.IGNORECASE
)


class Trust:
    """Decides which servers and code the user named, and asks about those that only the ini-file names.

    Args:
        workspace: The workspace of the command.
        yes: Whether the user consents without being asked.
    """

    def __init__(self, workspace: CommandWorkspace, *, yes: bool) -> None:
        self._workspace = workspace
        self._yes = yes

    def ask_for_factory(self, name: str) -> None:
        """Ask before importing a factory that the user did not name.

        Without a terminal it is imported: a test run in this folder runs the same code.

        Raises:
            FailedError: The answer is no.
        """
        is_users = name == self._workspace.of_user.synth
        if ":" in name and not is_users and not self._yes and is_terminal():
            source = self._workspace.settings.sources["synth"]
            self._ask(f"Run the code of {shown(name)}, which {source} names?")

    def ask_for_endpoints(self, name: str) -> None:
        """Show each server that an option names; ask if only the ini-file names it and it is not `is_near`.

        Raises:
            FailedError: The answer is no.
            RefusedError: The command must ask, and has no terminal.
        """
        for option, value in self._workspace.settings.options_of(name).items():
            if not (_SERVER.fullmatch(option.lower()) or "://" in value):
                continue
            source = self._source(name, option, value)
            where = without_credentials(value)
            screen.note(f"{option}: {where} ({source or self._ini_name})")
            if source is None and not self._yes and not is_near(value, load_backend(name)):
                self._refuse_without_terminal(name, option, where)
                self._ask(f"Send prompts and the key to {where}, which {self._ini_name} names?")

    def _source(self, name: str, option: str, value: str) -> str | None:
        """Return how the user set an option to this value, or ``None`` if only the ini-file sets it."""
        if option in self._workspace.given.get(options_name(name), {}):
            return "command line"
        return "PYTEST_ADDOPTS" if self._workspace.of_user.options_of(name).get(option) == value else None

    @property
    def _ini_name(self) -> str:
        inifile = self._workspace.side.inifile
        return "pytest's configuration" if inifile is None else shown(inifile.name)

    def _refuse_without_terminal(self, name: str, option: str, where: str) -> None:
        if not is_terminal():
            raise screen.RefusedError(
                f"{self._ini_name} sends prompts and the key to {where}: russo must ask first, and "
                "standard input is not a terminal; nothing was sent. If you trust this server, add --yes or "
                f"--synth-option {options_name(name)}.{option}={where}"
            )

    def _ask(self, question: str) -> None:
        if not click.confirm(question, err=True):
            raise screen.FailedError("nothing was sent")


def show_endpoint(synthesizer: object, options: Mapping[str, object]) -> None:
    """Show the server that a synthesizer says it calls, if none of its options names it."""
    with contextlib.suppress(Exception):  # a synthesizer that fails here fails with its own message later
        extra: Any = getattr(synthesizer, "cache_key_extra", None)
        declared = extra.get("base_url") if isinstance(extra, Mapping) else None
        if isinstance(declared, str) and declared.strip() and "base_url" not in options:
            screen.note(f"base_url: {without_credentials(declared)} (environment)")


def is_near(url: str, factory: object) -> bool:
    """Return whether a URL names this machine, or a host of the service that the backend is made for.

    A backend names such hosts in its class attribute ``hosts``; their sub-domains count too.
    """
    # Clients parse other characters differently, and could call another host than the one checked here.
    if not re.fullmatch(r"[a-z]+://[\w.:\[\]-]+(/[\w./%~-]*)?", url, re.ASCII | re.IGNORECASE):
        return False
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    hosts = getattr(factory, "hosts", ())
    if not url.lower().startswith(("https://", "wss://")) or not isinstance(hosts, (tuple, list)):
        return False
    return any(host == each or host.endswith(f".{each}") for each in hosts if isinstance(each, str) and each)
