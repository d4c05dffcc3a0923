"""A module that imports its SDK, for which `colorsys` stands."""

import colorsys

__all__ = ["colorsys"]
