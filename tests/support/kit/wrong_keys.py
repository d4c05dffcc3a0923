"""Service backends that read, send or show their API key wrongly."""

from russo.testing import BackendContract
from support.kit.wrong import NO_AUDIO, REFUSED, Wrong

WRONG_KEYS = {
    "has a default key": Wrong(
        'self.api_key, "SERVICE_KEY"',
        'self.api_key or os.environ.get("SERVICE_KEY") or os.environ.get("SERVICE_OTHER_KEY") or "none", "SERVICE_KEY"',
        {BackendContract.test_missing_key_is_an_error_that_names_the_variables},
        "a call fails (there is no key)",
    ),
    "reads its variables in another order": Wrong(
        '"SERVICE_KEY", "SERVICE_OTHER_KEY")\n        return',
        '"SERVICE_OTHER_KEY", "SERVICE_KEY")\n        return',
        {BackendContract.test_each_variable_is_read_at_the_first_miss},
        "the key is read from SERVICE_KEY at the miss",
    ),
    "prefers the variable to the option": Wrong(
        "text, self.api_key,",
        'text, os.environ.get("SERVICE_KEY") or self.api_key,',
        {BackendContract.test_given_key_wins_over_the_variables},
        "api_key wins over the variables",
    ),
    "sends a malformed key": Wrong(
        "key = read_api_key(",
        "key = self.api_key or read_api_key(",
        {BackendContract.test_key_that_no_header_carries_is_refused_unseen},
        "a call fails (the key has a space)",
    ),
    "shows a bad key": Wrong(
        "key = read_api_key(",
        "if self.api_key and not self.api_key.isascii() or ' ' in (self.api_key or ''):\n"
        "            raise self.attempts.error(AuthenticationError, f'bad key {self.api_key}', prompt=text, reached=False)\n"
        "        key = read_api_key(",
        {BackendContract.test_key_that_no_header_carries_is_refused_unseen},
        "no credential is shown by an error and its chained errors",
    ),
    "repeats the key": Wrong(
        "Exchange(self.attempts, text, key)",
        "Exchange(self.attempts, text)",
        {BackendContract.test_key_is_shown_by_nothing},
        "no credential is shown by an error and its chained errors",
    ),
    "logs the key": Wrong(
        "return wav_audio(body)",
        '__import__("logging").getLogger("service").debug("spoken for %s", key)\n            return wav_audio(body)',
        {BackendContract.test_key_is_shown_by_nothing, *NO_AUDIO},
        "no credential is shown by log records, warnings and output while it speaks",
    ),
    "stores the key": Wrong(
        '"voice": self.voice}\n\n    async',
        '"voice": self.voice, "account": self.api_key}\n\n    async',
        {BackendContract.test_key_is_not_kept_with_the_audio, BackendContract.test_key_is_shown_by_nothing},
        "no stored file holds the key",
    ),
    "declares no variables": Wrong(
        '    credentials = ("SERVICE_KEY", "SERVICE_OTHER_KEY")\n',
        "",
        {BackendContract.test_variables_and_modules_are_named_as_they_are},
        "a backend that sends a key names the variables for it",
    ),
    "sends the key in another header": Wrong(
        "X-Key: {key}",
        "X-Token: {key}",
        {
            BackendContract.test_each_variable_is_read_at_the_first_miss,
            BackendContract.test_given_key_wins_over_the_variables,
        },
        "KeyError('x-key'); the request has the headers content-length, x-token",
    ),
    "shows the key of the variable": Wrong(
        "Exchange(self.attempts, text, key), key)",
        'Exchange(self.attempts, text, self.api_key or ""), key)',
        {BackendContract.test_key_is_shown_by_nothing},
        "no credential is shown by an error and its chained errors",
    ),
    "shows the key in base64": Wrong(
        "status, said, retry_after",
        "status, __import__('base64').b64encode(f':{key}'.encode()).decode(), retry_after",
        {*REFUSED, BackendContract.test_key_is_shown_by_nothing},
        "the key in base64",
    ),
    "shows the beginning of the key": Wrong(
        "status, said, retry_after",
        "status, key[:16], retry_after",
        {*REFUSED, BackendContract.test_key_is_shown_by_nothing},
        "the beginning of the key",
    ),
    "prints the key": Wrong(
        "return wav_audio(body)",
        "print(key, file=__import__('sys').stderr)\n            return wav_audio(body)",
        {*NO_AUDIO, BackendContract.test_key_is_shown_by_nothing},
        "no credential is shown by log records, warnings and output while it speaks",
    ),
    "logs the key as an attribute": Wrong(
        "return wav_audio(body)",
        "__import__('logging').getLogger('service').debug('spoken', extra={'account': key})\n"
        "            return wav_audio(body)",
        {*NO_AUDIO, BackendContract.test_key_is_shown_by_nothing},
        "no credential is shown by log records, warnings and output while it speaks",
    ),
    "shows the key in its repr after a call": Wrong(
        'return f"ServiceSynthesizer(voice={self.voice!r})"',
        "return f\"ServiceSynthesizer(voice={self.voice!r}, key={getattr(self, 'seen', None)})\"",
        {BackendContract.test_key_is_shown_by_nothing},
        "no credential is shown by repr, str and cache_key_extra of a synthesizer that has spoken",
        more=(("key = read_api_key(", "key = self.seen = read_api_key("),),
    ),
}
