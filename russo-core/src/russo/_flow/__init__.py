"""From a prompt to its audio: key, lookup, backend call. Also what pytest and the command share for it."""
