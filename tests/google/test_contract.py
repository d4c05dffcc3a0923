from typing import ClassVar

from russo import AuthenticationError, QuotaExceededError, RequestRejectedError, TextRejectedError
from russo.testing import Failure, HttpService
from support.first_party import FirstPartyService
from support.first_party_bounds import BoundedHttp
from support.first_party_secrets import HidesKey
from support.gemini import error_reply, quota, reason, spoken

CURRENT_QUOTA = "You exceeded your current quota, please check your plan and billing details."
TOO_LONG = "The input token count (9001) exceeds the maximum number of tokens allowed (8192)."


class TestGoogle(BoundedHttp, HidesKey, FirstPartyService):
    backend = "google"
    class_name = "GoogleSynthesizer"
    sdk = ("google.genai", "google.auth", "httpx2", "aiohttp", "pydantic")
    declared: ClassVar = {
        "voice": "Puck",
        "model": "gemini-2.5-flash-preview-tts",
        "language": "de-DE",
        "instructions": "cheerful",
        "seed": 7,
    }
    undeclared: ClassVar = {
        "api_key": "",  # an API key cannot be combined with Vertex AI
        "base_url": "https://gateway.example/gemini",
        "timeout": 7.5,
        "max_attempts": 2,
        "max_concurrency": 3,
        "vertexai": True,
        "project": "my-project",
        "location": "eu",
        "api_version": "v1beta",
    }
    service = HttpService(
        good=spoken,
        sent_key=lambda request: request.headers["x-goog-api-key"],
        error_reply=error_reply,
        failures={
            "bad key": Failure(
                reply=error_reply(
                    400, "API key not valid. Please pass a valid API key.", None, reason("API_KEY_INVALID")
                ),
                error=AuthenticationError,
                retried=False,
            ),
            "unknown voice": Failure(
                reply=error_reply(400, "Voice name Nobody is not supported.", None),
                error=RequestRejectedError,
                retried=False,
            ),
            "long text": Failure(
                reply=error_reply(400, TOO_LONG, None), error=TextRejectedError, retried=False
            ),
            "the day's quota": Failure(
                reply=error_reply(
                    429, CURRENT_QUOTA, 27.0, quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
                ),
                error=QuotaExceededError,
                retried=False,
            ),
            "no billing": Failure(
                reply=error_reply(
                    403, "This API method requires billing to be enabled.", None, reason("BILLING_DISABLED")
                ),
                error=QuotaExceededError,
                retried=False,
            ),
        },
    )
