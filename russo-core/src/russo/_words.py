"""Numbers in words, as the command and the summary of a test run show them."""


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the noun that fits it: ``1 hit``, ``1,200 hits``.

    Args:
        number: The number.
        one: The noun in the singular.
        many: The noun in the plural; by default the singular with an ``s``.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
