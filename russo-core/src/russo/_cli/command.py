"""The command itself: its sub-commands, and what its exit code says.

0 is done, 1 is failed, 2 is wrong usage (what was asked, configured or handed over makes no sense, and
nothing was done), 130 is an interrupt. Scripts rest on these.
"""

from __future__ import annotations

from typing import Final

import click

from .._errors import BackendConfigError, BackendNotFoundError, RussoError
from .._settings import SettingsError
from . import screen
from .backends import backends
from .cache_changes import clear, promote, prune, verify
from .cache_views import directory, export, info, list_entries, show
from .record import record
from .say import say

_WRONG_USAGE: Final = (BackendConfigError, BackendNotFoundError, SettingsError)
_INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="russo-core", prog_name="russo")
def russo() -> None:
    """Speech for voice-agent tests: spoken once, replayed from disk ever after.

    Backend, options, cache and recordings are found as pytest finds them in this folder: command line,
    environment (RUSSO_…), ini-file, default.
    """


@russo.group()
def cache() -> None:
    """Look at, check, clean and share what is stored."""


for _command in (say, record, backends):
    russo.add_command(_command)
for _command in (list_entries, info, show, verify, prune, promote, export, clear, directory):
    cache.add_command(_command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: The command line without its first word; the process's own where ``None``.
    """
    screen.prepare()
    try:
        code = russo.main(arguments, prog_name="russo", standalone_mode=False)
    except click.ClickException as error:
        screen.tell(error)
        return error.exit_code
    except click.Abort as error:
        screen.note("")
        # click hides the cause where it was asking a question, and keeps the context.
        return _INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except _WRONG_USAGE as error:
        screen.complain(str(error))
        return 2
    except RussoError as error:
        screen.complain(str(error))
        return 1
    except OSError as error:
        screen.complain(screen.trouble(error))
        return 1
    return code if isinstance(code, int) else 0
