from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.actions.spec import AppliesTo, ItemNeed
from bot.core.model import Action, ItemKind, Role
from bot.core.plan.configuration import (
    LabelTrigger,
    RepositoryConfiguration,
    ReviewEvent,
    ReviewTrigger,
)
from bot.core.plan.sources import MAX_BYTES, read_configuration
from bot.errors import ConfigurationError

REFUSED = yaml.safe_load(Path("fixtures/config/refused.yaml").read_text("utf-8"))


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "~", "limits: {}"])
def test_without_settings_the_defaults_hold(text):
    configuration = read_configuration(text)
    assert configuration == RepositoryConfiguration()
    assert configuration.permissions.role is Role.WRITE
    assert configuration.defaults.action_for(ItemKind.ISSUE) == "implement"
    assert configuration.defaults.action_for(ItemKind.PULL_REQUEST) == "review"
    assert (configuration.limits.items, configuration.limits.confirm_over) == (50, 20)
    assert list(configuration.labels) == ["batch"]


def test_everything_can_be_set():
    text = Path("fixtures/config/full.yml").read_text("utf-8")
    configuration = read_configuration(text)
    assert configuration.permissions.role is Role.MAINTAIN
    assert configuration.defaults.action_for(ItemKind.ISSUE) == "fix"
    assert (configuration.limits.items, configuration.limits.confirm_over) == (200, 10)
    assert configuration.labels == {"run me": LabelTrigger()}
    assert list(configuration.review_requests) == ["team:batch-reviewers", "user:ada"]
    assert len(configuration.rules) == 2
    fix = configuration.resolve(Action("fix"))
    assert fix.action == Action("fix", uses="implement", command="fixer")
    assert (fix.applies_to, fix.needs) == (AppliesTo.ISSUES, ItemNeed.OPEN)
    deploy = configuration.resolve(Action("deploy"))
    assert deploy.action == Action(
        "deploy", ("deploy.yml", "env=staging"), uses="dispatch"
    )
    assert deploy.applies_to is AppliesTo.PULL_REQUESTS
    label = configuration.resolve(Action("label", ("+bug",)))
    assert label.action == Action("label", ("+bug",))


def test_labels_and_review_requests_say_what_they_begin():
    configuration = read_configuration(
        """
labels:
  batch: implement
  "batch: review": review
  stale: {do: close, window: 10m}
  anything: {}
review_requests:
  team:x: {do: review, on: [ready_for_review, opened]}
  user:Ada: review
home: 12
"""
    )
    assert configuration.labels == {
        "batch": LabelTrigger("implement"),
        "batch: review": LabelTrigger("review"),
        "stale": LabelTrigger("close", 600),
        "anything": LabelTrigger(),
    }
    assert configuration.label("STALE") == LabelTrigger("close", 600)
    assert configuration.label("bug") is None
    events = (ReviewEvent.READY_FOR_REVIEW, ReviewEvent.OPENED)
    assert configuration.review_request("team:x") == ReviewTrigger("review", events)
    assert configuration.review_request("user:ada") == ReviewTrigger("review")
    assert configuration.review_request("user:bob") is None
    assert configuration.home == 12


def test_no_label_begins_anything_where_the_repository_says_so():
    assert read_configuration("labels: {}").label("batch") is None


def test_everything_that_is_wrong_is_said_at_once():
    text = "lable: x\nlimits:\n  items: 0\n  confirm: 1\nlabel: 1\nlabel: y\n"
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(text)
    assert [(f.line, f.column, f.key) for f in caught.value.faults] == [
        (1, 1, "lable"),
        (3, 10, "limits.items"),
        (4, 3, "limits.confirm"),
        (5, 8, "label"),
        (6, 1, ""),
    ]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["says"])
def test_what_does_not_fit_is_named_with_its_line(case):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(case["text"])
    message = str(caught.value)
    assert message.startswith(".github/batch.yml")
    assert case["says"] in message
    if "line" in case:
        assert f"line {case['line']}, column " in message


def test_a_large_file_is_refused_before_it_is_read():
    with pytest.raises(ConfigurationError, match="larger than 64 KiB"):
        read_configuration("#" * (MAX_BYTES + 1))


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "a: ", "&a ", "!"])
def test_hostile_files_are_refused(unit):
    with pytest.raises(ConfigurationError):
        read_configuration(unit * (2000 // len(unit)))


KEYS = st.sampled_from(
    ["label", "limits", "items", "actions", "uses", "with", "rules", "x", 1, None]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=9,
)


@settings(deadline=None)
@given(VALUES.map(yaml.safe_dump) | st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        configuration = read_configuration(text)
    except ConfigurationError:
        return
    assert isinstance(configuration, RepositoryConfiguration)
