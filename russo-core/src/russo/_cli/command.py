"""The command ``russo``: its sub-commands and its exit codes.

Scripts depend on the exit codes: 0 for success, 1 for failure, 2 for wrong usage (arguments, configuration or
files are invalid, and nothing was done), 130 for an interrupt.
"""

from __future__ import annotations

import sys
from typing import Final

import click

from .._errors import BackendConfigError, BackendNotFoundError, RussoError
from .._installation import problem
from .._settings import SettingsError
from . import screen
from .backends import backends
from .cache_changes import clear, promote, prune
from .cache_list import list_entries
from .cache_lock import lock
from .cache_play import play_stored
from .cache_pull import pull
from .cache_push import push
from .cache_rm import remove
from .cache_show import show
from .cache_verify import verify
from .cache_views import directory, export, info
from .doctor.command import doctor
from .record import record
from .say import say

_WRONG_USAGE: Final = (BackendConfigError, BackendNotFoundError, SettingsError)
_INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="russo-core", prog_name="russo")
def russo() -> None:
    """Speech for voice-agent tests: synthesized once, then replayed from disk.

    Backend, options, cache and recordings come from the same places as in pytest, in this order: command
    line, environment (RUSSO_…), ini-file, default.
    """


@russo.group()
def cache() -> None:
    """List, play, check, clean and share stored audio."""


for _command in (say, record, backends, doctor):
    russo.add_command(_command)
for _command in (list_entries, info, show, play_stored, export, directory):
    cache.add_command(_command)
for _command in (verify, remove, prune, promote, clear, push, pull, lock):
    cache.add_command(_command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: The command line without its first word; ``None`` for that of the process.
    """
    screen.prepare()
    given = sys.argv[1:] if arguments is None else arguments
    # The doctor reports a damaged installation, with all that it finds beside.
    if given[:1] != [doctor.name] and (found := problem()) is not None:
        screen.complain(found)
        return 2
    try:
        code = russo.main(arguments, prog_name="russo", standalone_mode=False)
    except click.ClickException as error:
        screen.show_click_error(error)
        return error.exit_code
    except click.Abort as error:
        screen.note("")
        # If click was asking a question, it suppresses the cause of the Abort but keeps its context.
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
        screen.complain(screen.os_error_text(error))
        return 1
    return code if isinstance(code, int) else 0
