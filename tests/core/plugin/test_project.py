"""Which command-line options make a separate project with its own ledger."""

import pytest

from russo._plugin.project import without_harmless


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("", ""),
        ("-v -q -s -l -vv -qs -rA -ra -n4 -sn2 -Werror -cunit.ini", ""),
        ("-n 4 -r A -W error -c unit.ini --tb short --dist loadfile --junitxml out.xml", ""),
        ("--cov=src --cov-report=html --no-cov --log-cli-level=INFO --randomly-seed=7 --forked", ""),
        ("--russo-prune-unused --russo-prune-unused=all --russo-report=r.html --russo-max-calls 3", ""),
        ("--russo-synth-option=openai.api_key=sk-1", ""),
        ("--russo-synth=local --russo-synth-option=local.voice=b", "all"),
        ("--language=de", "all"),
        ("--language de", "all"),
        ("--language de -v --tb short --quick", "--language de --quick"),
        ("-p no:python -p plugin", "all"),
        ("-o python_files=x_*.py -k name -m slow -x", "all"),
        ("--colour=yes --verbosely --dist-mode x", "all"),
    ],
)
def test_options_that_may_change_the_prompts_are_kept(given, left):
    assert list(without_harmless(given.split())) == (given if left == "all" else left).split()
