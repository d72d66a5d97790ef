from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.actions.spec import AppliesTo, ItemNeed
from bot.core.command.limits import Limits
from bot.core.model import Action, ItemKind, Role
from bot.core.plan.configuration import (
    LabelTrigger,
    RepositoryConfiguration,
    ReviewEvent,
    ReviewTrigger,
)
from bot.core.plan.sources import (
    MAX_BYTES,
    Place,
    Source,
    extended,
    read_configuration,
    read_sources,
)
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


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (f"labels:\n  {'x' * 51}: implement\n", 2, 3),
        ("labels:\n  ' batch': implement\n", 2, 3),
        ("labels:\n  batch: implement\n  'stale ': close\n", 3, 3),
        (f"label: {'x' * 51}\n", 1, 8),
        ("label: 'batch '\n", 1, 8),
    ],
)
def test_a_label_that_github_would_not_take_is_refused(
    text: str, line: int, column: int
):
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(text)
    (fault,) = raised.value.faults
    assert (fault.line, fault.column) == (line, column)
    assert "50 characters" in fault.says
    assert fault.example.startswith("label")


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


def test_names_that_are_wrong_are_said_with_the_rest():
    text = (
        "limits: {items: 0}\nlabels: {x: nope, batch: label}\n"
        "permissions: {mrege: write}\nhome: x\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(text)
    assert [(f.line, f.key) for f in caught.value.faults] == [
        (1, "limits.items"),
        (2, "labels.x"),
        (2, "labels.batch"),
        (3, "permissions.mrege"),
        (4, "home"),
    ]


@pytest.mark.parametrize(
    "actions", ["actions: {fix: {uses: merg}}", "acions: {fix: {uses: merge}}"]
)
def test_actions_that_cannot_be_read_make_no_name_wrong(actions):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(f"{actions}\nlabels: {{x: fix}}\n")
    assert [f.line for f in caught.value.faults] == [1]


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


HOSTILE = {
    "aliases": ("a: &a [x, x]\nb: &b [*a, *a]\nlabel: *b\n", 2, "aliases"),
    "anchored": ("label: &x batch\n*x : y\n", 2, "aliases"),
    "a tab": ("limits:\n\titems: 3\n", 2, "a tab stands here"),
    "a key twice": ("label: a\n'label': b\n", 2, "stands here twice"),
    "deep": ("rules: " + "[" * 30_000, 1, "nested too deep"),
    "deep blocks": ("- " * 30_000, 1, "nested too deep"),
    "control": ("label: a\nhome: 1\x07\n", 2, "the character U+0007"),
    "another end of a line": ("label: a\u2028b\n", 1, "the character U+2028"),
    "a date": ("label: batch\nhome: 2026-01-01\n", 2, "this must be a whole number"),
    "an object": ("label: !!python/object/apply:os.system [id]\n", 1, "tags"),
    "a merge": ("<<: {label: x}\n", 1, "unknown setting"),
    "a long number": (f"home: {'9' * 5000}\n", 1, "this must be a whole number"),
    "infinity": ("home: .inf\n", 1, "this must be a whole number"),
    "many faults": ("x: y\n" + "".join(f"k{n}: 1\n" for n in range(900)), 1, "unknown"),
    "a directive": ("%YAML 2.0\n---\nlabel: x\n", 1, "instructions"),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_named_with_its_place(text: tuple[str, int, str]):
    content, line, says = text
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(content)
    named = [f for f in caught.value.faults if says in f.says]
    assert named
    assert named[0].line == line
    assert named[0].column


def test_what_is_no_text_is_named_with_its_place():
    faults = {
        b"label: gr\xfc\xdfe": (1, 10, "UTF-8"),
        "home: 12\n".encode("utf-16"): (1, 1, "UTF-8"),
        b"#" * (1 << 20): (0, 0, "larger than 64 KiB"),
    }
    for content, (line, column, says) in faults.items():
        with pytest.raises(ConfigurationError, match=says) as caught:
            read_sources([Source(content)])
        (fault,) = caught.value.faults
        assert (fault.line, fault.column) == (line, column)
    assert read_sources([Source(b"\xef\xbb\xbfhome: 12")]).home == 12


def test_on_is_a_word():
    configuration = read_configuration("review_requests: {user:a: {on: [opened]}}")
    assert configuration.review_requests["user:a"].on == (ReviewEvent.OPENED,)


WIDGETS = Place("acme/widgets")


def chain(*texts: str) -> RepositoryConfiguration:
    """Return what files come to of which each extends the next."""
    return read_sources([Source(text, f"file {n}") for n, text in enumerate(texts)])


def test_a_key_takes_the_place_of_the_one_that_is_extended():
    configuration = chain(
        "_extends: .github\nlimits: {items: 9}\nlabel: mine",
        "limits: {items: 99, confirm_over: 3}\nlabels: {theirs: review}\nhome: 4\n"
        "actions: {fix: {command: fixer}}",
    )
    assert configuration.limits == Limits(items=9)
    assert configuration.labels == {"mine": LabelTrigger()}
    assert configuration.home == 4
    assert chain("_extends: x\ndefaults: {issue: fix}", "actions: {fix: {command: f}}")


@pytest.mark.parametrize(
    ("says", "place"),
    [
        (".github", Place("acme/.github")),
        ("octo/shared", Place("octo/shared")),
        ("shared:conf/b.yaml", Place("acme/shared", "conf/b.yaml")),
        ("octo/shared:b.yml", Place("octo/shared", "b.yml")),
    ],
)
def test_what_is_extended_is_named_as_probot_has_it(says: str, place: Place):
    assert extended(Source(f"_extends: {says}"), [WIDGETS]) == place


@pytest.mark.parametrize("says", ["a/b/c", "x:../../secret", "x:b.txt", "-a/b", "a b"])
def test_what_names_no_file_is_a_fault(says: str):
    with pytest.raises(ConfigurationError, match="is not REPOSITORY"):
        read_configuration(f"_extends: {says}")


def test_a_circle_and_a_long_chain_are_named():
    shared = Place("acme/.github")
    with pytest.raises(ConfigurationError) as caught:
        extended(Source("home: 1\n_extends: Widgets", str(shared)), [WIDGETS, shared])
    assert str(caught.value) == (
        "acme/.github:.github/batch.yml, line 2, column 11: _extends: files extend each"
        " other in a circle: acme/widgets:.github/batch.yml \u2192"
        " acme/.github:.github/batch.yml \u2192 acme/Widgets:.github/batch.yml"
    )
    long = [Place(f"acme/{n}") for n in range(6)]
    assert extended(Source("_extends: x"), long[:5]) == Place("acme/x")
    with pytest.raises(ConfigurationError, match="no more than 5 files"):
        extended(Source("_extends: x"), long)


def test_each_file_is_named_and_a_private_one_is_not_quoted():
    own = Source("_extends: secrets\nlable: x")
    theirs = "password_of_prod: hunter2\nlabel: 1\nactions: {hunter2: {uses: hunter3}}"
    with pytest.raises(ConfigurationError) as caught:
        read_sources([own, Source(theirs, "acme/secrets:.github/batch.yml", True)])
    files = [(fault.file, fault.line) for fault in caught.value.faults]
    there = "acme/secrets:.github/batch.yml"
    assert files == [(".github/batch.yml", 2), *((there, n) for n in (1, 2, 3))]
    assert "hunter" not in str(caught.value)
    assert "password" not in str(caught.value)
