"""Values that a tool or an adapter of another package may pass."""


class Unprintable:
    """Its repr raises."""

    def __repr__(self):
        raise ValueError("no repr")


class BrokenMapping(dict):
    """Its items cannot be read."""

    def items(self):
        raise ValueError("no items")


def nested(depth):
    """Return a list that contains a list, and so on."""
    value = []
    for _ in range(depth):
        value = [value]
    return value
