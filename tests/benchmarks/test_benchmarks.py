"""The benchmarks run, their goals are those of the two pages, and the report has the measured figures."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.__main__ import GROUPS, PAGE, RESULTS, main
from benchmarks.figures import Figure, Place, single
from benchmarks.goals import GOALS, judge
from benchmarks.rounds import Spread

from benchmarks import backend_calls, machine, report

ROOT = Path(__file__).resolve().parents[2]


def figure(name, value, unit="x"):
    group, subject, case = name.split("/")
    return Figure(group, subject, case, unit, Spread(value, value, value, value, 9), "raw pair", 1e-5)


def test_every_goal_has_one_figure_of_an_existing_group():
    names = [goal.figure for goal in GOALS]
    assert len(names) == len(set(names))
    assert {name.split("/")[0] for name in names} <= set(GROUPS)


@pytest.mark.parametrize(("value", "met"), [(2.2, True), (2.21, False), (0.1, True)])
def test_goal_is_met_up_to_its_limit(value, met):
    (goal,) = (goal for goal in GOALS if goal.figure == "hit/get/10 KB")
    assert goal.is_met(value) is met


def test_backend_calls_must_be_exactly_one():
    (goal,) = (goal for goal in GOALS if goal.figure == "calls/per prompt/50 tasks")
    assert (goal.is_met(1.0), goal.is_met(2.0), goal.is_met(0.5)) == (True, False, False)


def test_unmeasured_goal_is_not_met():
    figures = [figure("hit/get/10 KB", 1.0)]
    judged = {goal.figure: found for goal, found in judge(figures)}
    assert len(judged) == len(GOALS)
    assert [name for name, found in judged.items() if found] == ["hit/get/10 KB"]
    text = "\n".join(report.goals(figures))
    assert text.count("not measured") == len(GOALS) - 1
    assert re.search(r"`get` of 10 KB over raw pair .* 1x .* yes", text)


def test_missed_goal_is_reported():
    assert re.search(
        r"`get` of 10 KB over raw pair .* NO$", "\n".join(report.goals([figure("hit/get/10 KB", 9)])), re.M
    )


def test_run_read_from_its_json_is_unchanged():
    figures = [figure("hit/get/10 KB", 1.5), single("suite", "warm", "100 prompts", "s", 1.0, 2.0)]
    facts = {"CPU": "one"}
    run = json.loads(json.dumps(report.to_json(facts, figures)))
    assert report.from_json(run) == (facts, figures)
    assert [goal["met"] for goal in run["goals"] if goal["measured"] == 1.5] == [True]


def test_measuring_a_group_reports_the_machine_the_figures_and_the_goals(tmp_path, capsys):
    file = tmp_path / "run.json"
    directory = tmp_path / "scratch"
    directory.mkdir()
    assert main(["--only=miss", "--seconds=0", f"--json={file}", f"--directory={directory}"]) == 0
    shown = capsys.readouterr().out
    for fact in ("russo", "CPU", "cores", "Python", "OS", "file system", "load at start"):
        assert re.search(rf"^{fact}  +\S", shown, re.MULTILINE), fact
    assert "raw read of 10 KB (again)" in shown
    run = json.loads(file.read_text("utf-8"))
    assert {each["group"] for each in run["figures"]} == {"miss"}
    assert list(directory.iterdir()) == []  # no file is left in the measured directory


@pytest.mark.parametrize("group", ["key", "checksum", "memory", "loop"])
def test_each_group_yields_figures(group, tmp_path):
    if group == "memory" and not Path("/proc/self/status").exists():
        pytest.skip("the peak memory is read from /proc")
    found = list(GROUPS[group](Place(tmp_path, full=False, seconds=0)))
    assert found
    assert all(each.group == group and each.value.rounds >= 1 for each in found)


@pytest.mark.slow
def test_agent_group_measures_turns_by_hand_and_by_call(tmp_path):
    pytest.importorskip("pocketsphinx")
    found = list(GROUPS["agent"](Place(tmp_path, full=False, seconds=0)))
    assert [each.subject for each in found][:3] == ["frames by hand (again)", "say", "six calls"]
    assert all(each.group == "agent" and each.value.rounds >= 1 for each in found)


@pytest.mark.slow
def test_remote_group_measures_what_its_goals_name(tmp_path):
    pytest.importorskip("russo_remote")
    found = {each.name for each in GROUPS["remote"](Place(tmp_path, full=False, seconds=0))}
    assert {goal.figure for goal in GOALS if goal.figure.startswith("remote/")} <= found


def test_install_needs_a_network_so_only_a_full_run_measures_it(tmp_path):
    assert list(GROUPS["install"](Place(tmp_path, full=False, seconds=0))) == []


def test_backend_calls_are_counted_by_prompt(tmp_path):
    calls = tmp_path / "calls.txt"
    calls.write_text("".join(f"Prompt {index}\n" for index in range(5)) + "Prompt 3\n")
    assert backend_calls._most_calls(calls) == 2


def test_file_system_of_the_directory_is_reported():
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        pytest.skip("the mounts are read from /proc")
    assert machine.facts(Path("/proc"))["file system"] == "proc"


# -- the pages


def block(page):
    return page.read_text("utf-8").split(report.BEGIN)[1].split(report.END)[0]


@pytest.mark.parametrize("page", [PAGE, RESULTS], ids=["documentation", "results"])
def test_page_has_a_row_for_every_goal(page):
    assert [
        goal.quantity for goal in GOALS if f"| {goal.quantity} | {goal.wanted} |" not in block(page)
    ] == []


def test_both_pages_show_the_same_run():
    rows = re.compile(r"^\| ([^|]+ \| [^|]+ \| [^|]+) \|", re.MULTILINE)
    goals = block(RESULTS).split("A hit, as a multiple")[0]
    assert rows.findall(block(PAGE)) == rows.findall(goals)
    assert block(PAGE).split("\n\n")[1] == block(RESULTS).split("\n\n")[1]  # date, commit, machine


def test_documentation_explains_exactly_the_missed_goals():
    missed = set(re.findall(r"^\| ([^|]+) \|.* no \|$", block(RESULTS), re.MULTILINE))
    reasons = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| missed: (.+) \|$", block(PAGE), re.MULTILINE)
    assert dict(reasons) == {goal.quantity: goal.reason for goal in GOALS if goal.quantity in missed}
    assert all(reason for _, reason in reasons)


BLANK = f"# Top\n\n{report.BEGIN}\nold\n{report.END}\n\n{report.SUITE_BEGIN}\n{report.SUITE_END}\n\nbelow\n"


def test_figures_replace_only_the_blocks_of_the_page():
    run = {"CPU": "one"}, [figure("hit/get/10 KB", 1.5)]
    once = report.with_figures(BLANK, *run)
    assert once.startswith("# Top\n\n<!--")
    assert once.endswith("-->\n\nbelow\n")
    assert "old" not in once
    assert "| 1.5x |" in once
    assert report.with_figures(once, *run) == once


def test_markdown_writes_both_pages(tmp_path, monkeypatch):
    run = tmp_path / "run.json"
    run.write_text(json.dumps(report.to_json({"CPU": "one"}, [figure("hit/get/10 KB", 1.5)])))
    for name in ("PAGE", "RESULTS"):
        (tmp_path / name).write_text(BLANK)
        monkeypatch.setattr(f"benchmarks.__main__.{name}", tmp_path / name)
    assert main([f"--read={run}", "--markdown"]) == 0
    assert "| `get` of 10 KB over raw pair | ≤ 2.2 | 1.5x |  |" in (tmp_path / "PAGE").read_text()
    assert "| `get` of 10 KB over raw pair | ≤ 2.2 | 1.5x | 1.5 - 1.5 |" in (tmp_path / "RESULTS").read_text()


@pytest.mark.parametrize(
    ("name", "measured", "row"),
    [
        ("hit/get/5 MB", 1.2, "| `get` of 5 MB over raw pair | ≤ 1.4 | 1.2x |  |"),
        ("hit/get/5 MB", 1.6, "| `get` of 5 MB over raw pair | ≤ 1.4 | 1.6x | missed: reading and hashing"),
        ("clear/clear/2,000 entries", 3.0, "| ≤ 2 | 3x | missed: not explained yet |"),
        ("hit/get/10 KB", 1.0, "| `get` of 5 MB over raw pair | ≤ 1.4 | - |  |"),
    ],
)
def test_documentation_lists_goals_with_the_reason_if_missed(name, measured, row):
    page = report.with_goals(BLANK, {"CPU": "one"}, [figure(name, measured)])
    assert row in page
    assert page.startswith("# Top\n\n<!--")
    assert page.endswith(f"{report.END}\n\n{report.SUITE_BEGIN}\n{report.SUITE_END}\n\nbelow\n")


def test_suite_overhead_is_computed_from_its_measured_parts():
    parts = [
        figure("hit/await/150 KB, 600 keys", 1.5),  # each takes 10 µs
        figure("fixture/russo_audio/2,000 tests", 90.0, "µs"),
        replace(figure("pytest/russo used/one test", 1.5), seconds=0.35),
        replace(figure("pytest/-p no:russo (again)/one test", 1.0), seconds=0.25),
    ]
    table = "\n".join(report.suite(parts))
    assert "| 10 µs | 5 ms |" in table
    assert "| 90 µs | 45 ms |" in table
    assert "| russo, together | | 150 ms |" in table
    assert "| 200 ms | 100 s |" in table
    assert "not measured" in "\n".join(report.suite(parts[:3]))


def test_page_without_its_block_is_refused():
    for write in (report.with_figures, report.with_goals):
        with pytest.raises(ValueError, match="has no lines"):
            write("# Top\n", {"CPU": "one"}, [])


def test_pages_name_the_command_and_only_existing_groups():
    for page in (PAGE.read_text("utf-8"), RESULTS.read_text("utf-8")):
        assert "make bench" in page
        assert set(re.findall(r"--only (\w+)", page)) <= set(GROUPS)


def test_explained_groups_exist():
    _, _, rows = RESULTS.read_text("utf-8").partition("| group | what it measures |")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", rows.partition("\n\n")[0], re.M)))
    assert len(named) >= 7
    assert set(named) <= set(GROUPS)


def test_make_bench_installs_the_measured_alternatives():
    wanted = {
        re.match(r"\w+", line).group()
        for line in (ROOT / "requirements-bench.txt").read_text().splitlines()
        if line[0] != "#"
    }
    assert wanted == set(machine.PEERS) - {"xxhash", "pytest"}
