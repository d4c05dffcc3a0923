"""The wrong backends, by name."""

from support.kit.wrong_calls import WRONG_CALLS
from support.kit.wrong_constructors import WRONG_CONSTRUCTORS
from support.kit.wrong_declarations import WRONG_DECLARATIONS
from support.kit.wrong_failures import WRONG_FAILURES
from support.kit.wrong_keys import WRONG_KEYS
from support.kit.wrong_requests import WRONG_REQUESTS
from support.kit.wrong_speakers import WRONG_SPEAKERS

WRONG_ENGINES = WRONG_DECLARATIONS | WRONG_CONSTRUCTORS | WRONG_SPEAKERS | WRONG_CALLS
WRONG_SERVICES = WRONG_REQUESTS | WRONG_FAILURES | WRONG_KEYS
