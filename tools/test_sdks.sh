#!/bin/sh
# Test the adapters with other versions of the SDKs: tools/test_sdks.sh DIRECTORY PYTHON [ARGUMENT]...
#
# `make test` runs the newest versions. Each version here has an environment of its own in DIRECTORY, which is
# made once. PYTHON is an interpreter with pip; ARGUMENTs go to pytest.
set -eu
directory=$1
python=$2
shift 2
failed=""

# run NAME TESTS REQUIREMENT...
run() {
    name=$1
    tests=$2
    shift 2
    venv=$directory/$name
    if [ ! -e "$venv/.ready" ]; then
        echo "making the environment in $venv"
        rm -rf "$venv"
        "$python" -m venv --without-pip "$venv"
        "$python" -m pip --python "$venv/bin/python" install --quiet --prefer-binary \
            --disable-pip-version-check -e ./russo-core -e ./russo-local -e ./russo-agents \
            "pytest>=8.4,<10" "pytest-xdist>=3.6,<4" "pytest-asyncio>=1.2,<2" "hypothesis>=6.130,<7" "$@"
        touch "$venv/.ready"
    fi
    echo "$name: $tests"
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pytest -q -n 2 $tests $arguments || failed="$failed $name"
}

arguments="$*"
# The oldest version that works. It has no voice detection of its own, and imports a package that the openai
# package needs only before version 3.
run livekit-agents-1.5.17 'tests/agents/adapters/test_livekit*.py' \
    "livekit-agents==1.5.17" "livekit-plugins-silero==1.5.17" "openai<3"

if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
