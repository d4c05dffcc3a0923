"""Writes the commands and the checks of the kits into the reference while the site is built.

A hook of mkdocs. mkdocstrings makes the rest of the reference from the docstrings.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the markers of a page by the commands and the checks."""
    for place, lines in (
        ("<!-- the commands -->", _commands),
        ("<!-- the checks -->", _backend_checks),
        ("<!-- the checks of stores -->", _store_checks),
        ("<!-- the checks of adapters -->", _adapter_checks),
    ):
        if place in markdown:
            markdown = markdown.replace(place, "\n".join(lines()))
    return markdown


def _backend_checks() -> Iterator[str]:
    from russo.testing import BackendContract

    return _checks(BackendContract)


def _store_checks() -> Iterator[str]:
    from russo.testing import StoreContract

    return _checks(StoreContract)


def _adapter_checks() -> Iterator[str]:
    from russo_agents.testing import AgentContract

    return _checks(AgentContract)


def _checks(contract: type) -> Iterator[str]:
    yield "| check | what the contract wants |\n|---|---|"
    for name in dir(contract):
        if name.startswith("test_"):
            text = inspect.getdoc(getattr(contract, name)) or ""
            yield f"| `{name}` | {_line(text)} |"


def _line(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def _commands() -> Iterator[str]:
    from russo._cli.command import russo

    for context in _walk(click.Context(russo, info_name="russo")):
        yield from _describe(context)


def _walk(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            yield from _walk(click.Context(command, info_name=name, parent=context))


def _describe(context: click.Context) -> Iterator[str]:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = " ".join if isinstance(command, click.Group) else "\n\n".join
    yield f"\n## {context.command_path}\n"
    yield f"```text\n{usage}\n```\n"
    yield text(" ".join(part.split()) for part in (command.help or "").split("\n\n")) + "\n"
    records = [each.get_help_record(context) for each in command.get_params(context)]
    yield "| option | meaning |\n|---|---|"
    for names, meaning in filter(None, records):
        yield f"| `{names}` | {meaning} |"
