"""Values that both backends read from the environment: the endpoint, headers, and credentials in headers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from russo import BackendConfigError
from russo.authoring import ModelEnd, Secret, check_base_url, endpoint

VENDOR: Final = "https://api.openai.com/v1"
# Hosts of the vendor's regions (eu.api.openai.com) offer the same voices.
_VENDOR_ENDPOINT: Final = re.compile(r"https://([a-z]+\.)?api\.openai\.com/v1")
_SHORTEST_SECRET: Final = 8


def as_http(url: str) -> str:
    """Return a ws:// or wss:// URL as http:// or https://; any other text as it is."""
    return re.sub(r"^ws(s?)(?=://)", r"http\1", url, flags=re.IGNORECASE)


def effective_base_url(given: str) -> str:
    """Return the URL to call: the option, else OPENAI_BASE_URL, else OpenAI's.

    Raises:
        BackendConfigError: It is not a plain URL.
    """
    if given:
        return check_base_url(given)
    from_environment = Secret(as_http(os.environ.get("OPENAI_BASE_URL", "").strip()))
    return check_base_url(from_environment or VENDOR, "OPENAI_BASE_URL")


def is_vendor(base_url: str) -> bool:
    """Return whether a URL is an endpoint of OpenAI itself."""
    return _VENDOR_ENDPOINT.fullmatch(endpoint(base_url)) is not None


def custom_headers() -> dict[str, str]:
    """Return the headers in OPENAI_CUSTOM_HEADERS, one ``Name: value`` on each line."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def more_secrets() -> tuple[str, ...]:
    """Return the words of custom headers, which are sent beside the key and may be credentials.

    Shorter words are not credentials; redacting them would cut words out of a message.
    """
    words = [Secret(word) for value in custom_headers().values() for word in value.split()]
    return tuple(word for word in words if len(word) >= _SHORTEST_SECRET)


def calls_vendor(given: str) -> bool:
    """Return whether the URL to call, as the environment is now, is OpenAI's; false if it is not a URL."""
    try:
        return is_vendor(effective_base_url(given))
    except BackendConfigError:
        return False


class VendorEnds:
    """The attribute ``model_ends``: the class has all of them, a synthesizer only if it calls OpenAI.

    Another server may serve a model of the same name without an end. A synthesizer with this attribute
    has its option ``base_url`` in ``_base_url``.
    """

    def __init__(self, ends: Mapping[str, ModelEnd]) -> None:
        self._ends: Final = ends

    def __get__(self, synthesizer: object, owner: object = None) -> Mapping[str, ModelEnd]:
        """Return the ends; none if the synthesizer's server, by the current environment, is not OpenAI's."""
        if synthesizer is None or calls_vendor(vars(synthesizer)["_base_url"]):
            return self._ends
        return {}
