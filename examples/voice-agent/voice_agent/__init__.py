"""A home assistant: speech in, tool calls out."""
