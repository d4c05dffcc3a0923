"""All replies without audio of services, compatible servers and gateways, and the expected error of each."""

import json

from russo import (
    AuthenticationError,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from support.service_refusals import (
    CREDENTIALS,
    KEY,
    LIMITS,
    MODEL,
    PLACE,
    PROMPT,
    RESTRICTED,
    TEXT,
    Row,
    eleven,
    field,
    openai,
)

SOAP = (
    "<?xml version='1.0'?><soap:Envelope><soap:Body><soap:Fault><faultcode>soap:Client</faultcode>"
    "<faultstring>the voice has no licence</faultstring></soap:Fault></soap:Body></soap:Envelope>"
)

# Refused voices, models and options, and every shape of a body.
REQUEST = [
    Row(
        "long instructions, quoted",
        400,
        openai("[{'type': 'string_too_long', 'loc': ('body', 'instructions'), 'msg': 'too long'}]"),
        RequestRejectedError,
        MODEL,
    ),
    Row("voice", 404, eleven("voice_not_found", "A voice was not found."), RequestRejectedError, MODEL),
    Row(
        "model, 500",
        500,
        {"error": {"code": 500, "message": "model m not found"}},
        RequestRejectedError,
        MODEL,
    ),
    Row("voice, 500", 500, {"detail": "Unknown voice: bella"}, RequestRejectedError, "Unknown voice"),
    Row(
        "deployment",
        404,
        {"error": {"code": "DeploymentNotFound", "message": "no"}},
        RequestRejectedError,
        MODEL,
    ),
    Row(
        "voice too long",
        422,
        field(["body", "voice"], "no", "string_too_long"),
        RequestRejectedError,
        "body.voice",
    ),
    Row("list of texts", 400, {"errors": ["first", "second"]}, RequestRejectedError, "'first; second'"),
    Row("list at the top", 400, [{"error": {"message": "in a list"}}], RequestRejectedError, "'in a list'"),
    Row("text in error", 400, {"error": "only a text"}, RequestRejectedError, "'only a text'"),
    Row("object in message", 400, openai({"why": "deep down"}), RequestRejectedError, "why: deep down"),
    Row(
        "JSON in message",
        400,
        openai(json.dumps({"detail": "inside"})),
        RequestRejectedError,
        "'inside'",
        "{",
    ),
    Row(
        "object in detail", 400, {"detail": {"error": {"message": "inner"}}}, RequestRejectedError, "'inner'"
    ),
    Row(
        "problem details",
        400,
        {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "no such speed"},
        RequestRejectedError,
        "'Bad Request: no such speed'",
    ),
    Row("XML", 400, SOAP, RequestRejectedError, "'the voice has no licence'", "<"),
    Row(
        "S3",
        400,
        "<Error><Code>NoSuch</Code><Message>gone</Message></Error>",
        RequestRejectedError,
        "'gone'",
    ),
    Row(
        "page",
        404,
        "<html><head><title>404 Not Found</title></head></html>",
        RequestRejectedError,
        "'404 Not",
        "<",
    ),
    Row("plain text", 400, "no such thing", RequestRejectedError, "'no such thing'"),
    Row("unknown shape", 400, {"cause": "a wire is loose"}, RequestRejectedError, "cause: a wire is loose"),
    Row("gateway", 400, openai("X - {'error': {'code': 'model_not_found'}}"), RequestRejectedError, MODEL),
    Row("no body", 400, "", RequestRejectedError, "HTTP 400"),
    Row("POST refused", 405, {"detail": "Method Not Allowed"}, RequestRejectedError, "check base_url"),
]

# Temporary failures.
PASSES = [
    Row("loading", 503, {"error": "Model m is currently loading"}, ServiceError, "currently loading"),
    Row("loading, 400", 400, {"error": "The model is still loading"}, ServiceError, "still loading"),
    Row("server error, 500", 500, {"detail": "boom"}, ServiceError, "boom"),
    *(
        Row(f"gateway {status}", status, "error", ServiceError, f"HTTP {status}")
        for status in (499, 502, 520, 524, 529)
    ),
    Row("timeout", 408, "late", SynthesisTimeoutError, "late"),
    Row(
        "failing model",
        500,
        {"detail": "the model returned an invalid output"},
        ServiceError,
        "try again later",
    ),
]

# The words of the prompt never decide the class, however they are quoted.
ECHOES = [
    Row("whole", 400, {"detail": f"cannot read {PROMPT}"}, RequestRejectedError, MODEL),
    Row("quoted", 400, {"detail": f"bad value '{PROMPT}'"}, RequestRejectedError, MODEL),
    Row("cut", 400, {"detail": f"bad value {PROMPT[:60]}"}, RequestRejectedError, MODEL),
    Row(
        "a piece", 400, {"detail": "unexpected 'content policy' in the request"}, RequestRejectedError, MODEL
    ),
    Row("escaped", 500, json.dumps({"detail": json.dumps({"got": PROMPT})}), ServiceError, "try again later"),
    *(
        Row(f"as {name}", 400, {"detail": f"failed: {echo}, at 3"}, RequestRejectedError, MODEL)
        for name, echo in (
            ("lower case", PROMPT.lower()),
            ("upper case", PROMPT.upper()),
            ("its end", PROMPT[20:]),
        )
    ),
    Row("429", 429, {"detail": f"slow: {PROMPT}"}, RateLimitError, "max_concurrency"),
    Row("403", 403, {"detail": f"no: {PROMPT}"}, AuthenticationError, "the plan and the network have access"),
]

# Text with terminal control codes or commands of a CI system.
ESC = "\x1b]0;PWNED\x07\x1b[2J\u202e\n::error::x\r\0"
HOSTILE = [
    Row("message", 400, openai(ESC), RequestRejectedError, "\\x1b]0;PWNED"),
    Row("code", 400, openai("no", code=ESC) | {"detail": {"code": ESC}}, RequestRejectedError, "HTTP 400"),
    Row("text", 400, f"no {ESC[:-2]}", RequestRejectedError, "\\x1b[2J"),
    Row("long", 400, openai("long " * 20_000, code="c" * 5000), RequestRejectedError, "long long"),
    Row("field", 422, field(["body", ESC], ESC), RequestRejectedError, "HTTP 422"),
]
GATEWAYS = [
    Row(
        "fields",
        400,
        {"title": "No.", "errors": {"speed": ["too fast"]}},
        RequestRejectedError,
        "'No: speed: too fast'",
    ),
    Row("text field", 400, {"errors": {"input": ["a maximum length of 4096"]}}, TextRejectedError, "4096"),
    Row(
        "behind a gateway",
        400,
        {
            "error": {
                "message": "Provider error",
                "metadata": {"raw": '{"error": {"message": "no voice bob"}}'},
            }
        },
        RequestRejectedError,
        "'Provider error; no voice bob'",
    ),
    Row(
        "Azure's firewall",
        403,
        {"error": {"message": "due to Firewall rules."}},
        RequestRejectedError,
        PLACE,
        KEY,
    ),
    Row("Cloudflare's firewall", 403, "error code: 1020", RequestRejectedError, PLACE, KEY),
    Row(
        "class of a client",
        429,
        openai("X.RateLimitError: exceeded your current quota"),
        QuotaExceededError,
        "exceeded",
    ),
    Row(
        "number as text",
        401,
        {"error": {"message": "no", "code": "401"}},
        AuthenticationError,
        "HTTP 401, 'no'",
    ),
]
ROWS = [*RESTRICTED, *CREDENTIALS, *LIMITS, *TEXT, *REQUEST, *GATEWAYS, *PASSES, *ECHOES, *HOSTILE]

PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><form></form></body></html>"
MUST = "the server must return"
# In the body of a success.
DOCUMENTS = [
    Row(
        "error", 200, {"error": {"message": "there is no model x here", "code": 404}}, NoAudioError, MUST, "{"
    ),
    Row(
        "text in error",
        200,
        {"error": "no such route"},
        NoAudioError,
        "is an error instead of audio: 'no such route'",
    ),
    Row("detail", 200, {"detail": "Not Found"}, NoAudioError, "'Not Found'"),
    Row("page", 200, PAGE, NoAudioError, "is a document instead of audio: 'Sign in'", "<"),
    Row("XML", 200, SOAP, NoAudioError, "is an error instead of audio: 'the voice has no licence'", "<"),
    Row("plain text", 200, "please sign in first", NoAudioError, "'please sign in first'"),
    Row("audio in JSON", 200, {"audio": "UklGRg" * 200}, NoAudioError, "audio: 1200 characters of data"),
    Row(
        "event",
        200,
        'event: error\ndata: {"error": {"message": "not today"}}\n\n',
        NoAudioError,
        "'not today'",
        "data",
    ),
    Row("quota", 200, openai("no", code="insufficient_quota"), QuotaExceededError, "plan and billing"),
    Row("key", 200, openai("no", code="invalid_api_key"), AuthenticationError, KEY),
    Row("policy", 200, openai("no", code="content_policy_violation"), TextRejectedError, "change the prompt"),
    Row("model", 200, openai("no", code="model_not_found"), RequestRejectedError, MODEL),
    Row(
        "rate", 200, {"error": {"message": "slow down", "code": 429}}, NoAudioError, "slow down", retried=True
    ),
    Row("failure", 200, {"error": {"message": "boom", "code": 503}}, NoAudioError, "boom", retried=True),
    Row("loading", 200, {"error": "The model is still loading"}, NoAudioError, "still loading", retried=True),
    Row("hostile", 200, {"error": ESC}, NoAudioError, "\\x1b]0;PWNED"),
    Row("long", 200, {"error": "long " * 20_000}, NoAudioError, "long long"),
    Row("internal", 200, "Internal Server Error", NoAudioError, "'Internal Server Error'", retried=True),
    Row("server_error", 200, openai("oops", type="server_error"), NoAudioError, "oops", retried=True),
    Row(
        "envelope", 200, {"data": [{"b64_json": "A" * 900}]}, NoAudioError, "b64_json: 900 characters of data"
    ),
]
