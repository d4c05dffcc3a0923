"""``russo doctor``: the subcommand, the sections of its output, and what must be hidden in them."""
