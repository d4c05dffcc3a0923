"""The ``russo`` command on a pseudo-terminal."""

import contextlib
import os
import pty
import signal
import subprocess
import threading

from support.command import start


def send_interrupts(process):
    """Send Ctrl-C until the command ends, because one sent before the command waits for input is lost."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)


def run_on_terminal(*arguments, columns=80, answer=None, code=0, env=None):
    """Run the command on a pseudo-terminal, type the answer if it asks, and return its output."""
    primary, secondary = pty.openpty()
    environment = {"COLUMNS": str(columns), "TERM": "dumb", **(env or {})}
    process = start(*arguments, env=environment, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    shown = b""
    patience = threading.Timer(60, process.kill)  # a command that never ends fails the test
    patience.start()
    try:
        while piece := os.read(primary, 4096):
            shown += piece
            if answer is not None and b"[y/N]" in shown:
                if answer == "\3":  # the character of Ctrl-C
                    threading.Thread(target=send_interrupts, args=(process,)).start()
                else:
                    os.write(primary, answer.encode())
                answer = None
    except OSError:  # Linux: the other end is closed
        pass
    os.close(primary)
    assert process.wait(timeout=30) == code
    patience.cancel()
    return shown.decode().replace("\r\n", "\n")
