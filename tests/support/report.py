"""A run with ``--russo-report``, and its document, checked against the schema."""

import base64
import json
import shlex
from functools import cache
from importlib.resources import files

import jsonschema

from support.projects import SLOW_PLUGINS


@cache
def validator():
    """Return the validator of the schema that russo ships."""
    schema = json.loads(files("russo._report").joinpath("report.schema.json").read_text("utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def read_document(path):
    """Return the document of a file. It is ASCII and fits the schema."""
    document = json.loads(path.read_bytes().decode("ascii"), parse_constant=refuse)
    validator().validate(document)
    return document


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def run_with_report(project, *args, **options):
    """Run the project's tests with a report, and read it."""
    result = project.run("--russo-report=report.json", *args, **options)
    return result, read_document(project.path / "report.json")


def attempts_of(document, name):
    """Return the attempts of the test whose node id ends with a name."""
    (test,) = (test for test in document["tests"] if test["id"].endswith(name))
    return test["attempts"]


def prompts_of(document, name):
    """Return the prompts of the last attempt of a test."""
    return attempts_of(document, name)[-1]["prompts"]


def all_prompts(document):
    """Return every use of a prompt, first those outside of tests."""
    attempts = [attempt for test in document["tests"] for attempt in test["attempts"]]
    return [use for part in (document["outside"], *attempts) for use in part["prompts"]]


def outcomes_of(document):
    """Return the outcome of each test, by its name in its file."""
    return {test["id"].partition("::")[2] or test["id"]: test["outcome"] for test in document["tests"]}


def words_of(command):
    """Return the words of a command of the document, without the options that every project's run has."""
    words = shlex.split(command)
    start = words.index("pytest") + 1
    assert words[:start] in (["pytest"], ["python", "-m", "pytest"])
    rest = shlex.join(words[start:]).replace("-p no:cacheprovider -p no:hypothesispytest ", "")
    for name in SLOW_PLUGINS:
        rest = rest.replace(f"-p no:{name} ", "")
    return ["pytest", *shlex.split(rest)]


def embedded_audio(page):
    """Return the media types and the bytes of the sounds in a page."""
    parts = page.split('"data:audio/')[1:]
    found = (part.partition('"')[0].split(";base64,") for part in parts)
    return [(f"audio/{kind}", base64.b64decode(data)) for kind, data in found]
