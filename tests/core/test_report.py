import pytest

from bot.core.report import render_report
from tests import scenes
from tests.golden import assert_golden
from tests.scenes import situation

SCENES = {
    "report": scenes.finished(),
    "report-150": scenes.large_finished(),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_report_reads_as_it_was_reviewed(name):
    assert_golden(name, render_report(SCENES[name], situation()))
