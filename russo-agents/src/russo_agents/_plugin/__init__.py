"""The pytest side: fixtures, the conversation of a failing test, kept calls, the summary line."""
