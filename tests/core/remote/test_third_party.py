"""A store of another package, ten lines in a wheel: found by its scheme, and used through pytest."""

import zipfile

import pytest

from support.projects import summary, summary_lines

SHELF = """
from pathlib import Path

class Shelf:
    def __init__(self, url):
        self.root = Path(url.removeprefix("shelf://"))
    def get(self, name, limit):
        return (self.root / name).read_bytes()[:limit] if (self.root / name).exists() else None
    def put(self, name, data, *, replace):
        if (path := self.root / name).exists() and not replace:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(data) > 0
"""
WHEEL = {
    "acme_shelf.py": SHELF,
    "acme_shelf-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-shelf\nVersion: 1.2\n",
    "acme_shelf-1.2.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "acme_shelf-1.2.dist-info/entry_points.txt": "[russo.stores]\nshelf = acme_shelf:Shelf\n",
    "acme_shelf-1.2.dist-info/RECORD": "",
}
TESTS = """
    import pytest

    @pytest.mark.parametrize("number", range(4))
    def test_it(russo_say, number):
        assert russo_say(f"prompt {number}").data
"""


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Install the wheel into a directory; return the URL of an empty shelf."""
    wheel, site = tmp_path / "acme_shelf-1.2-py3-none-any.whl", tmp_path / "site"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in WHEEL.items():
            archive.writestr(name, content)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "shelf").mkdir()
    return f"shelf://{tmp_path / 'shelf'}"


def run(project, url, cache, *arguments):
    """Run the tests of one machine in a new process."""
    result = project.run(f"--russo-remote={url}", f"--russo-cache-dir={cache}", *arguments, subprocess=True)
    result.assert_outcomes(passed=4)
    return result


def test_two_machines_share_a_store_of_another_package(project, shelf):
    project.tests(TESTS)
    run(project, shelf, "one", "--russo-remote-write")
    assert len(project.calls) == 4
    second = run(project, shelf, "two", "--russo-cache-mode=replay", "-n", "2")
    assert len(project.calls) == 4
    assert f"4 from {shelf}" in summary(second)
    assert len(summary_lines(second)) == 1


def test_store_of_another_package_that_breaks_costs_only_backend_calls(project, shelf, tmp_path):
    (tmp_path / "site" / "acme_shelf.py").write_text(
        SHELF.replace("return (self", "raise SystemExit(3); (self")
    )
    project.tests(TESTS)
    result = run(project, shelf, "one")
    assert len(project.calls) == 4
    assert f"remote {shelf}: 4 lookups skipped (SystemExit: 3)" in summary_lines(result)
