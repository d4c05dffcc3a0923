"""In a test run, an error of a missing key or of a missing network names mode ``replay``."""

import pytest

BACKEND = """
import pytest
from russo.authoring import Attempts, Exchange, read_api_key

@pytest.fixture(scope="session")
def russo_synthesizer():
    class Acme:
        cache_key_extra = {"backend": "acme"}
        attempts = Attempts("acme", max_attempts=1)

        async def attempt(self, text):
            raise Exchange(self.attempts, text, "a-key").connection_error(ConnectionRefusedError("refused"))

        async def synthesize(self, text):
            if text == "Keyless":
                read_api_key(self.attempts, text, None, "ACME_KEY_OF_TEST")
            return await self.attempts.run(text, lambda: self.attempt(text), host="acme.example")

    return Acme()
"""
PROMPTS = ("Keyless", "One", "Two", "Three", "Four")
ABSENT = "there is no API key, and this prompt is not recorded with these settings"
HOW = "set ACME_KEY_OF_TEST (or pass api_key=* to the synthesizer)"
SETTINGS = "pytest --russo-cache-mode=replay to see whether the prompt is recorded with other settings"
NETWORK = "recorded prompts do not need the service: pytest --russo-cache-mode=replay"


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_errors_of_a_test_run_name_mode_replay(project, workers):
    project.conftest(BACKEND)
    tests = enumerate(PROMPTS)
    project.tests(
        "\n".join(f"def test_{number}(russo_say): russo_say({prompt!r})" for number, prompt in tests)
    )
    result = project.run(*workers)
    result.assert_outcomes(failed=len(PROMPTS))
    result.stdout.fnmatch_lines([f"*could not speak 'Keyless': {ABSENT}; {HOW}, or run {SETTINGS}"])
    result.stdout.fnmatch_lines([f"*could not speak 'One': no connection to *; {NETWORK}"])
    result.stdout.fnmatch_lines([f"*could not speak 'Four': not tried: no connection to *; {NETWORK}"])
