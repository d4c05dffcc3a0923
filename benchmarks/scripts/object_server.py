"""Serve objects until the standard input ends; print the URL of the store and its variables as JSON.

python object_server.py SECONDS: the delay of each reply.
"""

from __future__ import annotations

import json
import sys

from russo.testing import LoopbackObjectServer

with LoopbackObjectServer() as server:
    server.delay = float(sys.argv[1])
    sys.stdout.write(json.dumps([server.store_url, server.environment]) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
