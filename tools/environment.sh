#!/bin/sh
# Make the development environment: tools/environment.sh DIRECTORY
#
# Uses PYTHON from the environment, else the first interpreter that runs and is new enough: a
# version manager's shim may exist and fail. pip runs outside the environment, so that an interpreter
# without ensurepip works. The output of pip is shown only if it fails.
set -eu
venv=$1

usable() {
    "$1" -c 'import sys, venv, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ] && ! usable "$PYTHON"; then
    echo "PYTHON=$PYTHON does not run, is older than 3.11, or has no pip" >&2
    exit 1
fi
for python in ${PYTHON:-python3 python python3.13 python3.12 python3.11 none}; do
    if usable "$python"; then break; fi
done
if [ "$python" = none ]; then
    echo "russo needs Python 3.11 or later with pip; none was found (set PYTHON=/path/to/python)" >&2
    exit 1
fi

echo "making the environment in $venv with $("$python" --version) (some minutes the first time)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m venv --without-pip "$venv"
if ! "$python" -m pip --python "$venv/bin/python" install --prefer-binary --disable-pip-version-check \
    -r requirements-dev.txt >"$log" 2>&1; then
    cat "$log" >&2
    echo "the environment could not be made; see the output of pip above" >&2
    exit 1
fi
# pip does not compile editable packages, and the tests start many processes.
"$venv/bin/python" -m compileall -q russo-*/src
