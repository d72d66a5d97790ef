import json
from pathlib import Path

import pytest

from tests.bench.__main__ import HERE, NAMES, RELEASED, released
from tests.bench.figures import Figure, compared, fallen, read, report

BEHAVIOUR = Path(__file__).parents[2] / ".github" / "docs" / "behaviour.md"
ECHO = "a bare echo"
MORE = Figure("deliveries", 0.40, ECHO, "higher")
LESS = Figure("makespan", 1.10, "its bound", "lower")


@pytest.mark.parametrize(
    ("figure", "before", "is_fallen"),
    [
        (MORE, 0.40, False),
        (MORE, 0.43, False),
        (MORE, 0.45, True),
        (MORE, 0.10, False),
        (LESS, 1.10, False),
        (LESS, 1.01, False),
        (LESS, 0.99, True),
        (LESS, 2.00, False),
    ],
)
def test_a_fall_of_more_than_a_tenth_is_shown(figure, before, is_fallen):
    released = {figure.what: before}
    [line] = compared([figure], released)
    assert ("WORSE" in line) == is_fallen
    assert fallen([figure], released) == ([figure] if is_fallen else [])


def test_a_figure_that_the_release_does_not_have_is_new():
    assert compared([MORE], {"makespan": 1}) == [
        "deliveries: 0.4, new since the release"
    ]
    assert fallen([MORE], {"makespan": 1}) == []


def test_figures_are_printed_and_added_to_the_file(tmp_path, monkeypatch, capsys):
    report([MORE])
    monkeypatch.setenv("BENCH_FIGURES", str(tmp_path / "figures"))
    report([MORE])
    report([LESS])
    assert read(tmp_path / "figures") == [MORE, LESS]
    assert capsys.readouterr().out.splitlines() == [
        *["deliveries: 0.4 times a bare echo"] * 2,
        "makespan: 1.1 times its bound",
    ]
    assert read(tmp_path / "none") == []


def test_the_figures_of_the_release_can_be_compared():
    figures = [Figure(**one) for one in json.loads(RELEASED.read_text())["figures"]]
    assert len(released()) == len(figures)  # each has a name of its own
    assert fallen(figures, released()) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_reports_figures_and_stands_in_the_documentation(name: str):
    source = (HERE / f"bench_{name}.py").read_text()
    assert "report(" in source
    assert f"tests.bench.bench_{name}" in BEHAVIOUR.read_text()
