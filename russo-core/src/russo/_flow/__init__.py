"""The way of a prompt from its key to its audio, and what pytest and the command share to start it."""
