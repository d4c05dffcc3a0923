"""Run one role; torture_processes starts it by ``python -m support.torture_roles ROLE ARGUMENTS``."""

import json
import os
import sys

from support import torture_broken
from support.torture_roles.calling import caller, fork_in_flight
from support.torture_roles.clearing import clear_storm, die_in_a_put, hold, store
from support.torture_roles.locking import fork_and_release, lock_holder, lock_sweeper
from support.torture_roles.shortage import (
    read_in_little_memory,
    speak_without_files,
    speak_without_permission,
    speak_without_threads,
)
from support.torture_roles.writing import killed_at_system_calls, killed_put, nothing, race, storm

ROLES = (
    storm,
    race,
    killed_put,
    nothing,
    killed_at_system_calls,
    caller,
    fork_in_flight,
    lock_holder,
    lock_sweeper,
    fork_and_release,
    speak_without_permission,
    speak_without_files,
    speak_without_threads,
    read_in_little_memory,
    clear_storm,
    die_in_a_put,
    hold,
    store,
)


def main(role, arguments):
    """Run a role, against a broken store if RUSSO_TORTURE_BREAK names one."""
    if name := os.environ.get("RUSSO_TORTURE_BREAK"):
        torture_broken.apply(name)
    {function.__name__: function for function in ROLES}[role](**json.loads(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
