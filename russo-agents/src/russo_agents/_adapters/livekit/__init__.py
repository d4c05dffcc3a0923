"""LiveKit sessions in this process: `agent` can be imported without the SDK, `line` and `audio` cannot."""
