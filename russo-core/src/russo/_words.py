"""Numbers in words, as the command and the summary of a test run show them."""


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the noun that fits it: ``1 hit``, ``1,200 hits``.

    Args:
        number: The number.
        one: The noun in the singular.
        many: The noun in the plural; by default the singular with an ``s``.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def speech(seconds: float, unknown: int = 0) -> str:
    """Return a length of speech: ``2 s of speech``, ``0.3 s of speech, 1 of unknown length``.

    Args:
        seconds: The sum of the lengths that are known.
        unknown: The number of sounds whose length only a decoder can find out.
    """
    # Rounded to whole seconds, a short sound would read as 0 s.
    number = f"{seconds:,.0f}" if seconds >= 0.95 else f"{seconds:.1f}" if seconds >= 0.05 else "under 0.1"
    known = [f"{number} s of speech"] if seconds else []
    return ", ".join(known + ([f"{unknown:,} of unknown length"] if unknown else []))
