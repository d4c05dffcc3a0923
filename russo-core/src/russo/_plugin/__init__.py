"""The pytest plugin. Nothing else in russo imports this package, except `russo.plugins` and the command."""
