"""Two machines of a team, as two directories, with each server: the second run calls no backend."""

import pytest

from support.remote.processes import ACCOUNT, ACCOUNT_KEY, KEY, azurite, moto, rclone

TEST = """
    def test_it(russo_say):
        assert all(russo_say(f"prompt {number}").data for number in range(6))
"""


@pytest.fixture(params=["azurite", "moto", "rclone"])
def url(request, setenv, tmp_path):
    """The URL of a store in a server, to which the variables lead."""
    keys = {"AWS_ACCESS_KEY_ID": KEY[0], "AWS_SECRET_ACCESS_KEY": KEY[1], "AWS_REGION": "us-east-1"}
    if request.param == "moto":
        with moto() as server:
            setenv(keys | {"AWS_ENDPOINT_URL": server})
            yield "s3://team/tests"
    elif request.param == "rclone":
        with rclone(tmp_path / "rclone") as server:
            setenv(keys | {"AWS_ENDPOINT_URL": server})
            yield "s3://team/tests"
    else:
        with azurite(tmp_path / "azurite") as server:
            names = {"ENDPOINT": server, "ACCOUNT_NAME": ACCOUNT, "ACCOUNT_KEY": ACCOUNT_KEY}
            setenv({f"AZURE_STORAGE_{name}": value for name, value in names.items()})
            yield "az://team/tests"


def test_second_machine_hears_what_the_first_paid_for(project, url, tmp_path):
    project.pytester.makepyfile(test_it=TEST)

    def run(name, *options):
        cache = f"--russo-cache-dir={tmp_path / name}"
        result = project.pytester.runpytest_subprocess("-q", cache, f"--russo-remote={url}", *options)
        result.assert_outcomes(passed=1)
        return result.stdout.str()

    run("first", "--russo-remote-write")
    assert f"6 from {url}" in run("second", "--russo-cache-mode=replay")
    assert len((project.path / "calls.txt").read_text().splitlines()) == 6
