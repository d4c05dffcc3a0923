"""Service backends that mishandle a failure, a lost reply or a request to wait."""

from russo.testing import BackendContract
from support.kit.wrong import NO_AUDIO, REFUSED, Wrong

WRONG_FAILURES = {
    "raises one class for every failure": Wrong(
        "kind_of_status(status)",
        "ServiceError",
        REFUSED,
        "status 401 is a AuthenticationError with retryable=False, reached=True",
    ),
    "repeats every failed request": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "status, headers, body = await self.ask(exchange, key)\n        if status != 200:\n"
        "            status, headers, body = await self.ask(exchange, key)",
        {*REFUSED, BackendContract.test_busy_service_is_not_asked_again_at_once},
        "status 401 makes 1 requests with max_attempts=3",
    ),
    "drops the cause of an error": Wrong(
        "retry_after=wait) from error",
        "retry_after=wait) from None",
        {BackendContract.test_failure_is_typed_and_retried_only_if_it_can_pass},
        "the SDK's error is chained",
    ),
    "raises the SDK's exception": Wrong(
        "raise exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait) from error",
        "raise error",
        {
            *REFUSED,
            BackendContract.test_busy_service_is_not_asked_again_at_once,
            BackendContract.test_key_is_shown_by_nothing,
            BackendContract.test_call_succeeds_after_a_failure_that_passed,
        },
        "refused by a russo.SynthesisError that is chained to the SDK's error (status 401)",
    ),
    "never retries": Wrong(
        "max_attempts=max_attempts",
        "max_attempts=1",
        {
            BackendContract.test_call_succeeds_after_a_failure_that_passed,
            BackendContract.test_failure_is_typed_and_retried_only_if_it_can_pass,
            BackendContract.test_busy_service_is_not_asked_again_at_once,
            BackendContract.test_refusal_is_not_retried_and_a_busy_gateway_is,
        },
        "the synthesizer speaks",
    ),
    "ignores Retry-After": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = 0.0",
        {
            BackendContract.test_service_that_asks_to_wait_is_waited_for,
            BackendContract.test_service_that_asks_to_wait_an_hour_is_not_waited_for,
            BackendContract.test_busy_service_is_not_asked_again_at_once,
        },
        "if a service asks by status 429 to wait 1 s, the retry comes after 1 s",
    ),
    "accepts a truncated reply": Wrong(
        "return await read_reply(reader)",
        "try:\n                return await read_reply(reader)\n            except asyncio.IncompleteReadError as error:\n"
        "                return 200, {}, error.partial",
        {BackendContract.test_connection_lost_is_a_service_error},
        "a connection lost (close) at the body of the reply is a ServiceError with retryable=True, reached=True",
    ),
    "does not retry a lost connection": Wrong(
        "raise exchange.connection_error(error) from error",
        "raise exchange.error(ServiceError, str(error), retryable=False) from error",
        {
            BackendContract.test_connection_lost_is_a_service_error,
            BackendContract.test_connection_lost_is_retried,
        },
        "the synthesizer speaks",
    ),
    "raises another class for a timeout": Wrong(
        "return await read_reply(reader)",
        "async with asyncio.timeout(self.timeout * 0.9):\n                return await read_reply(reader)",
        {BackendContract.test_service_that_falls_silent_is_a_timeout},
        "after timeout=0.3 seconds, is a SynthesisTimeoutError",
    ),
    "reports a refused connection as reached": Wrong(
        ", reached=False",
        "",
        {BackendContract.test_unreachable_service_is_a_service_error},
        "a refused connection is a ServiceError with retryable=True, reached=False",
    ),
    "accepts any reply as audio": Wrong(
        "return wav_audio(body)",
        "return Audio(body)",
        NO_AUDIO,
        "a call fails (a reply of nothing (application/json))",
    ),
    "retries a refused request": Wrong(
        "kind_of_status(status)",
        "(ServiceError if status in (400, 422) else kind_of_status(status))",
        {BackendContract.test_refusal_is_not_retried_and_a_busy_gateway_is},
        "status 400 is retryable=False, and makes 1 requests with max_attempts=2",
    ),
    "raises another exception for one status": Wrong(
        "if status != 200:",
        "if status == 418:\n            raise StatusError('teapot')\n        if status != 200:",
        {BackendContract.test_refusal_is_not_retried_and_a_busy_gateway_is},
        "refused by a russo.SynthesisError that is chained to the SDK's error (status 418)",
    ),
    "applies the timeout to each read": Wrong(
        "timeout=timeout, max_attempts",
        "timeout=1e9, max_attempts",
        {BackendContract.test_service_that_falls_silent_is_a_timeout},
        "a call ends, with audio or an error, within 2 s",
        more=(
            ("return await read_reply(reader)", "return await read_reply(Patient(reader, self.timeout))"),
            ("except (OSError, EOFError,", "except (EOFError, ConnectionError,"),
            (
                "status, headers, body = await self.ask(exchange, key)",
                "try:\n            status, headers, body = await self.ask(exchange, key)\n"
                "        except TimeoutError as error:\n"
                "            raise exchange.error(SynthesisTimeoutError, 'no reply') from error",
            ),
            (
                "AuthenticationError, ServiceError,",
                "AuthenticationError, ServiceError, SynthesisTimeoutError,",
            ),
            (
                "async def read_reply(reader):",
                "class Patient:\n    def __init__(self, reader, timeout):\n"
                "        self.reader, self.timeout = reader, timeout\n\n    async def readuntil(self, mark):\n"
                "        return await asyncio.wait_for(self.reader.readuntil(mark), self.timeout)\n\n"
                "    async def readexactly(self, size):\n        data = b''\n        while len(data) < size:\n"
                "            more = await asyncio.wait_for(self.reader.read(size - len(data)), self.timeout)\n            if not more:\n                raise EOFError\n            data += more\n"
                "        return data\n\n\nasync def read_reply(reader):",
            ),
            ('    backend = "service"\n', '    backend = "service"\n    patience = 2.0\n'),
        ),
    ),
    "makes three attempts instead of two": Wrong(
        "max_attempts=max_attempts",
        "max_attempts=1 if max_attempts == 1 else 3",
        {BackendContract.test_refusal_is_not_retried_and_a_busy_gateway_is},
        "3 requests, retryable=True",
    ),
    "retries without a delay": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = seconds_to_wait(headers) or 0.0",
        {BackendContract.test_busy_service_is_not_asked_again_at_once},
        "after a status 429 without Retry-After, the retry waits for a moment",
    ),
    "ignores Retry-After of 503": Wrong(
        "wait = seconds_to_wait(headers)",
        "wait = seconds_to_wait(headers) if status == 429 else None",
        {BackendContract.test_service_that_asks_to_wait_is_waited_for},
        "if a service asks by status 503 to wait 1 s, the retry comes after 1 s",
    ),
    "repeats a request after a lost connection": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "for again in (True, False):\n            try:\n                status, headers, body = await self.ask(exchange, key)\n"
        "                break\n            except ServiceError as error:\n"
        "                if not again or not error.reached:\n                    raise",
        {BackendContract.test_connection_lost_is_a_service_error},
        "a connection lost (close) at the start of the reply makes one request",
    ),
    "repeats a request after a reply without audio": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "status, headers, body = await self.ask(exchange, key)\n        if body[:4] != b'RIFF' and status == 200:\n"
        "            status, headers, body = await self.ask(exchange, key)",
        {BackendContract.test_reply_that_is_no_audio_is_refused},
        "makes one request: an SDK's own retries are off",
    ),
    "accepts half a WAV file": Wrong(
        "return wav_audio(body)",
        "return pcm_audio(body[44:], 24000) if len(body) in range(45, 9000) else wav_audio(body)",
        {BackendContract.test_truncated_wav_is_refused},
        "a call fails (a WAV file that is cut in half)",
    ),
    "follows a redirect": Wrong(
        "status, headers, body = await self.ask(exchange, key)",
        "status, headers, body = await self.ask(exchange, key)\n        if status == 307:\n"
        "            self.place = urlsplit(headers['location'])\n            status, headers, body = await self.ask(exchange, key)",
        {BackendContract.test_redirect_is_not_followed},
        "a call fails (status 307 with a Location)",
    ),
    "shows a URL with the key": Wrong(
        "raise exchange.connection_error(error) from error",
        "raise self.attempts.error(ServiceError, f'/speak?key={key} failed', prompt=exchange.prompt) from error",
        {BackendContract.test_connection_lost_is_a_service_error},
        "no credential is shown by an error and its chained errors",
    ),
    "raises an error that cannot be pickled": Wrong(
        "raise exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait) from error",
        "told = exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait)\n"
        "            told.lock = __import__('threading').Lock()\n            raise told from error",
        {*REFUSED, BackendContract.test_key_is_shown_by_nothing},
        "an error survives pickling, with all its attributes",
    ),
    "raises an error with another prompt": Wrong(
        "raise exchange.connection_error(error) from error",
        "raise Exchange(self.attempts, '', key).connection_error(error) from error",
        {BackendContract.test_connection_lost_is_a_service_error},
        "an error carries the backend 'service' and the exact prompt",
    ),
    "reports a page as a rejected text": Wrong(
        "raise exchange.no_audio_error(error, body, headers)",
        "raise exchange.error(TextRejectedError, str(error))",
        NO_AUDIO,
        "a reply with silence is a NoAudioError",
    ),
}
