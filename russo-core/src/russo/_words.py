"""Words of messages: numbers with their nouns, and the distance of misspelt words."""


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the noun that fits it: ``1 hit``, ``1,200 hits``.

    Args:
        number: The number.
        one: The noun in the singular.
        many: The noun in the plural; by default the singular with an ``s``.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def speech(seconds: float, unknown: int = 0) -> str:
    """Return a length of speech in whole seconds: ``2 s of speech, 1 of unknown length``.

    Args:
        seconds: The sum of the lengths that are known.
        unknown: The number of sounds whose length only a decoder can find out.
    """
    return f"{seconds:,.0f} s of speech" + (f", {unknown:,} of unknown length" if unknown else "")


def edit_distance(one: str, other: str) -> int:
    """Return how many letters must be inserted, removed or replaced to make one word the other."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            replaced = before + (letter != wanted)
            before, row[place] = row[place], min(replaced, row[place] + 1, row[place - 1] + 1)
    return row[-1]
