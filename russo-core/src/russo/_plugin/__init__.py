"""The pytest plugin. In russo only `russo.plugins` and the command import this package."""
