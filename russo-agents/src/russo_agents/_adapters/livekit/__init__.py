"""LiveKit sessions in this process: only `agent` can be imported without the SDK."""
