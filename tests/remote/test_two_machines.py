"""Two machines of a team, as two directories: the first run calls the backend, the second does not."""

import pytest

from support.remote.servers import web_server

TESTS = """
    import pytest

    @pytest.mark.parametrize("number", range(6))
    def test_it(russo_say, number):
        assert russo_say(f"prompt {number}").data
"""


@pytest.fixture
def machine(project, tmp_path_factory):
    """Return a function that runs the tests in a process, with the cache of a machine; it returns the output."""
    project.pytester.makepyfile(test_it=TESTS)
    caches = tmp_path_factory.mktemp("caches")

    def run(name, *options):
        arguments = ["-p", "no:cacheprovider", f"--russo-cache-dir={caches / name}", "-q", *options]
        result = project.pytester.runpytest_subprocess(*arguments)
        result.assert_outcomes(passed=6)
        return result.stdout.str() + result.stderr.str()

    return run


def paid(project):
    return len((project.path / "calls.txt").read_text().splitlines())


def test_second_machine_hears_what_the_first_paid_for(machine, project, s3):
    remote = f"--russo-remote={s3.store_url}"
    machine("first", remote, "--russo-remote-write")
    assert paid(project) == 6
    gets = s3.count("GET")
    said = machine("second", remote, "--russo-cache-mode=replay", "-n", "2")
    assert "6 from s3://team/voice" in said
    assert (paid(project), s3.count("GET") - gets) == (6, 6)


def test_static_server_of_a_shared_folder_is_a_remote_that_is_only_read(machine, project, tmp_path):
    machine("first", f"--russo-remote={(tmp_path / 'shared').as_uri()}", "--russo-remote-write")
    with web_server(tmp_path) as url:
        remote = f"--russo-remote={url}/shared"
        assert f"6 from {url}/shared" in machine("second", remote, "--russo-cache-mode=replay")
        assert paid(project) == 6
        project.pytester.makepyfile(test_it=TESTS.replace("prompt", "question"))
        said = machine("third", remote, "--russo-remote-write")
    assert "a web server is only read; use another URL to write" in said


def test_store_that_denies_access_fails_no_test_and_is_named_once(machine, project, s3):
    s3.faults = "AccessDenied"
    said = machine("first", f"--russo-remote={s3.store_url}", "--russo-remote-write")
    (trouble,) = [line for line in said.splitlines() if "remote s3://team/voice" in line]
    assert "access is denied (403 AccessDenied)" in trouble
    assert paid(project) == 6
