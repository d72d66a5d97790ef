"""The keys of ``.github/batch.yml``: the one table that reads it, and that its JSON
Schema and the tables of the documentation are made from.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from bot.core.actions.dispatch import DISPATCH
from bot.core.actions.spec import AppliesTo, Form
from bot.core.actions.table import ACTIONS
from bot.core.calendar import FORM, TIMES, likely_times
from bot.core.command.arguments import INPUT, WORKFLOW
from bot.core.command.guesses import nearest
from bot.core.command.limits import HARD_ITEM_LIMIT, Limits
from bot.core.command.vocabulary import RESERVED, in_words
from bot.core.command.zones import zone_problem
from bot.core.documents import Path
from bot.core.model import (
    Deps,
    OnFailure,
    Permit,
    ReviewRule,
    Role,
    RuleLevel,
    RuleWhen,
    Speech,
    UpdateMethod,
    UpdateWhen,
)
from bot.core.plan.configuration import (
    Comments,
    ConfiguredAction,
    Defaults,
    LabelTrigger,
    Merging,
    Permissions,
    ReviewEvent,
    Reviewing,
    ReviewTrigger,
    RunResult,
    RunRole,
)
from bot.core.plan.schedules import RecurringCommand
from bot.core.plan.shapes import (
    Choice,
    Each,
    Either,
    Findings,
    Key,
    Keys,
    Names,
    Shape,
    Text,
    Truth,
    Whole,
)
from bot.core.remarks import Verdict
from bot.core.review.rules import BadPattern, check_pattern
from bot.core.world.pulls import MergeMethod

TEAM = "team:"
_ACTION = "the name of an action: small letters, digits and dashes"
_NAME = Text(40, "[a-z][a-z0-9]*(?:-[a-z0-9]+)*", _ACTION)
_EXISTING = Text(40, words="the name of an action", examples=tuple(ACTIONS))
_LABEL = Text(50, r"\S(?:.*\S)?", "the name of a label: up to 50 characters, no blank at its ends")  # fmt: skip
_REVIEWER = Text(105, r"(?:team|user):[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", "team:NAME or user:LOGIN")  # fmt: skip
_WINDOW = Text(4, "(?:[1-9][0-9]?|[1-5][0-9]{2}|600)s|(?:[1-9]|10)m", "a time up to ten minutes, such as 90s or 5m")  # fmt: skip


def _pattern_problem(pattern: str) -> str:
    try:
        check_pattern(pattern)
    except BadPattern as error:
        return f"this is no RE2 pattern: {error}"
    return ""


Given = Mapping[str, Any]


def _hint(name: str, known: Collection[str]) -> str:
    guess = nearest(name, known)
    return f"did you mean {guess}?" if guess else f"there is {in_words(known)}"


def _check_action(given: Given, at: Path, found: Findings) -> None:
    uses, command = given.get("uses"), given.get("command")
    arguments = given.get("arguments")
    spec = ACTIONS.get(uses or "")
    may_have_both = spec is not None and spec.may_run_command
    if bool(uses) == bool(command) and not (uses and may_have_both):
        found.say(
            at,
            "needs either \u2018uses\u2019 (a built-in action) or \u2018command\u2019",
        )
    elif command and arguments:
        at = (*at, "with")
        found.say(
            at,
            "\u2018with\u2019 goes with \u2018uses\u2019, not with \u2018command\u2019",
            of_key=True,
        )
    elif uses and uses not in ACTIONS:
        name = found.shown(uses)
        hint = _hint(uses, ACTIONS)
        found.say(
            (*at, "uses"), f"there is no built-in action \u201c{name}\u201d; {hint}"
        )
    elif uses and not arguments and ACTIONS[uses].arguments.are_needed:
        found.say(at, f"{uses} needs \u2018with\u2019, a list of its arguments")
    elif arguments and spec is not None and spec.arguments.form is Form.WORKFLOW:
        _check_workflow(arguments, (*at, "with"), found)
    if given.get("result") and uses != DISPATCH.name:
        problem = "\u2018result\u2019 goes with \u2018uses: dispatch\u2019"
        found.say((*at, "result"), problem, of_key=True)


def _check_workflow(arguments: Sequence[str], at: Path, found: Findings) -> None:
    first, *inputs = arguments
    if not WORKFLOW.match(first):
        found.say(
            (*at, 0), "this must be the name of a workflow's file, such as fix.yml"
        )
    names: set[str] = set()
    for place, one in enumerate(inputs, 1):
        name = match["key"] if (match := INPUT.match(one)) else ""
        if not name:
            found.say((*at, place), "this must be an input of the workflow: key=value")
        elif name in names:
            found.say((*at, place), f"{found.shown(name)} is given twice")
        names.add(name)


_MAY_RUN = [n for n, spec in ACTIONS.items() if spec.may_run_command]
_NEED_ARGUMENTS = [n for n, spec in ACTIONS.items() if spec.arguments.are_needed]
_ACTION_RULES = {
    "if": {"properties": {"uses": {"const": DISPATCH.name}}, "required": ["uses"]},
    "then": {
        "properties": {
            "with": {
                "items": [{"pattern": r"^[\w.-]+\.[yY][aA]?[mM][lL]$"}],
                "additionalItems": {"pattern": r"^[A-Za-z_][\w-]*="},
            }
        }
    },
    "else": {"not": {"required": ["result"]}},
    "oneOf": [
        {
            "required": ["uses"],
            "properties": {"uses": {"enum": list(ACTIONS)}},
            "if": {"properties": {"uses": {"enum": _NEED_ARGUMENTS}}},
            "then": {"required": ["with"], "properties": {"with": {"minItems": 1}}},
            "not": {"required": ["command"]},
        },
        {
            "required": ["command"],
            "properties": {"with": {"maxItems": 0}},
            "not": {"required": ["uses"]},
        },
        {
            "required": ["uses", "command"],
            "properties": {"uses": {"enum": _MAY_RUN}, "with": {"maxItems": 0}},
        },
    ],
}

_ACTIONS = Names(
    _NAME,
    Keys(
        ConfiguredAction,
        {
            "uses": Key(_EXISTING, "a built-in action", "uses: label"),
            "with": Key(Each(Text(1000, words="text"), most=50), "its arguments", "with: [+triaged]", "arguments"),
            "command": Key(Text(100, words="a command that the server's operator has named"), "a command that the server's operator has named", "command: fixer"),
            "applies_to": Key(Choice(AppliesTo), "what it can be done to", "applies_to: issues"),
            "result": Key(Choice(RunResult), "of `dispatch`: the branch that a run pushed becomes a pull request", "result: pull_request"),
        },
        check=_check_action,
        rules=_ACTION_RULES,
    ),
    reserved=tuple(sorted(RESERVED)),
    why_reserved="means something already; name the action differently",
)  # fmt: skip


def _listed(paths: object) -> object:
    return (paths,) if isinstance(paths, str) else paths


def _seconds(time: str) -> int:
    return int(time[:-1]) * (60 if time.endswith("m") else 1)


def _check_rule(given: Given, at: Path, found: Findings) -> None:
    if given.get("pattern") and "when" in given:
        problem = "\u2018pattern\u2019 is looked for in added lines: leave \u2018when\u2019 out"
        found.say((*at, "when"), problem, of_key=True)
    if not given.get("pattern") and not given.get("paths"):
        found.say(at, "needs \u2018paths\u2019, \u2018pattern\u2019 or both")


_RULE_RULES = {
    "anyOf": [
        {"required": ["pattern"], "not": {"required": ["when"]}},
        {
            "required": ["paths"],
            "properties": {"paths": {"minItems": 1}},
            "not": {"required": ["pattern"]},
        },
    ]
}
_GLOB = Text(200, words="a path with * and **")

_RULES = Each(
    Keys(
        ReviewRule,
        {
            "say": Key(Text(500), "what reviews say", 'say: "Use `log`."'),
            "paths": Key(Either(_GLOB, Each(_GLOB, most=20), then=_listed), "the files that it is about", 'paths: "**/*.py"'),
            "pattern": Key(Text(500, words="an RE2 pattern", check=_pattern_problem), "what added lines hold", "pattern: 'print\\('"),
            "when": Key(Choice(RuleWhen), "what became of a file", "when: added"),
            "level": Key(Choice(RuleLevel), "how much it matters", "level: note"),
        },
        needs=("say",),
        check=_check_rule,
        rules=_RULE_RULES,
    ),
)  # fmt: skip

_LABELS = Names(
    _LABEL,
    Either(
        _EXISTING,
        mapping=Keys(
            LabelTrigger,
            {
                "do": Key(_EXISTING, "the action; without it the default one", "do: review", "does"),
                "window": Key(Either(_WINDOW, then=_seconds), "in which labels become one batch", "window: 5m", "window_seconds"),
            },
        ),
        then=LabelTrigger,
    ),
)  # fmt: skip

_TEAM = "team:[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_WHO = Text(105, f"{'|'.join(RunRole)}|{_TEAM}", in_words([*RunRole, "team:NAME"]))
CONTROLS = ("cancel", "pause", "resume", "retry", "undo", "skip", "freeze", "unfreeze")


def _permit(said: str | tuple[str, ...]) -> Permit:
    """Return what one word or several say; the least of several roles counts."""
    words = (said,) if isinstance(said, str) else said
    roles = [Role[word.upper()] for word in words if not word.startswith(TEAM)]
    teams = [word.removeprefix(TEAM) for word in words if word.startswith(TEAM)]
    # Whoever administers the repository could join the team.
    return Permit(min(roles, default=Role.ADMIN), tuple(teams))


def _permissions(named: Mapping[str, Permit]) -> Permissions:
    others = {name: permit for name, permit in named.items() if name != RUN}
    return Permissions(named.get(RUN, Permissions().run), others)


RUN = "run"
_PERMISSIONS = Either(
    mapping=Names(
        _NAME,
        Either(_WHO, Each(_WHO, most=20, least=1), then=_permit),
        known=(RUN, *CONTROLS, *ACTIONS),
    ),
    then=_permissions,
)

_REVIEW_REQUESTS = Either(
    list=Each(_REVIEWER),
    mapping=Names(
        _REVIEWER,
        Either(
            _EXISTING,
            mapping=Keys(
                ReviewTrigger,
                {
                    "do": Key(_EXISTING, "the action; without it review", "do: review", "does"),
                    "on": Key(Each(Choice(ReviewEvent)), "what begins it without a request", "on: [ready_for_review, opened]"),
                },
            ),
            then=ReviewTrigger,
        ),
    ),
    then=lambda names: dict.fromkeys(names, ReviewTrigger()),
)  # fmt: skip

MOST_SCHEDULES = 20
SHOWN_IN = "shown-in"

_REPOSITORY = Text(
    140, "[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9_.-]{1,100}", "OWNER/REPOSITORY"
)

EXTENDS = re.compile(
    r"(?:(?P<owner>[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})/)?(?P<name>[A-Za-z0-9_.-]{1,100})"
    r"(?::(?P<path>[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*[.]ya?ml))?"
)
"""What ``_extends`` says, as Probot has it: a repository, and a file if it is another."""

KEYS: Mapping[str, Key] = {
    "actions": Key(
        _ACTIONS,
        "actions of the repository's own: a built-in one with fixed arguments, or a command that the operator has named",
        'actions: {triaged: {uses: label, with: ["+triaged"]}}',
    ),
    "defaults": Key(
        Keys(
            Defaults,
            {
                "issue": Key(_EXISTING, "the action of an issue for which none is typed", "issue: implement"),
                "pull_request": Key(_EXISTING, "the action of a pull request for which none is typed", "pull_request: review"),
            },
        ),
        "the action of an item for which none is typed",
        "defaults: {issue: implement, pull_request: review}",
    ),
    "permissions": Key(
        _PERMISSIONS,
        "who starts batches (run), and who may do an action, or control the batches of others, by its name",
        "permissions: {run: write, merge: [maintain, team:releases], cancel: write}",
    ),
    "limits": Key(
        Keys(
            Limits,
            {
                "items": Key(Whole(1, HARD_ITEM_LIMIT), "the most items of a command", "items: 50"),
                "confirm_over": Key(Whole(0, HARD_ITEM_LIMIT), "more items than this wait for their start box", "confirm_over: 20"),
            },
        ),
        "how much one command may ask for",
        "limits: {items: 50, confirm_over: 20}",
    ),
    "budget": Key(
        Whole(1, 999_999_999),
        "the most API requests that a batch may use",
        "budget: 2000",
    ),
    "on-failure": Key(
        Choice(OnFailure),
        "what a failed item means for the rest of its batch",
        "on-failure: stop",
    ),
    "dependencies": Key(
        Choice(Deps),
        "where dependencies are read: everywhere, not in texts, or only in the command",
        "dependencies: native",
    ),
    "merge": Key(
        Keys(
            Merging,
            {
                "method": Key(Choice(MergeMethod), "how pull requests get into their base", "method: squash"),
                "update": Key(Choice(UpdateWhen), "when a branch is brought up to date first", "update: required"),
                "update_method": Key(Choice(UpdateMethod), "how it is brought up to date", "update_method: rebase"),
                "rerun_failed": Key(Whole(0, 1), "how often failed jobs of Actions are run again", "rerun_failed: 1"),
            },
        ),
        "how pull requests are merged where the command does not say",
        "merge: {method: squash}",
    ),
    "label": Key(_LABEL, "the one label that starts a batch, if it is only one", "label: batch"),
    "labels": Key(
        _LABELS,
        "labels that start batches, and what they do",
        "labels: {batch: implement, stale: {do: close, window: 10m}}",
    ),
    "review_requests": Key(
        _REVIEW_REQUESTS,
        "whose review requests start a batch",
        "review_requests: [team:batch-reviewers, user:ada]",
    ),
    "review": Key(
        Keys(
            Reviewing,
            {"verdicts": Key(Each(Choice(Verdict)), "what a command may come to in a review of the bot", "verdicts: [approve, request_changes]")},
        ),
        "what reviews by the operator's commands may do",
        "review: {verdicts: [request_changes]}",
    ),
    "rules": Key(
        _RULES,
        "what reviews say of added lines, or of files",
        'rules: [{paths: "migrations/**", say: "Never change a migration."}]',
    ),
    "schedules": Key(
        Each(
            Keys(
                RecurringCommand,
                {
                    "at": Key(Text(20, TIMES, FORM, likely=likely_times), "when, by the clock of its zone", 'at: "Mon-Fri 06:00"'),
                    "zone": Key(Text(40, words="the name of a time zone", check=zone_problem, examples=("Europe/Zurich", "UTC")), "the zone, by its name in the tz database; without it UTC", "zone: Europe/Zurich"),
                    "run": Key(Text(1000, words="a command without /batch"), "the command", 'run: "merge author:app/dependabot label:ready"'),
                },
                needs=("at", "run"),
            ),
            most=MOST_SCHEDULES,
        ),
        "batches that begin by the clock, with the role that whoever pushed this file to the default branch has then; of the repository's own file only",
        'schedules: [{at: "Mon 06:00", zone: Europe/Zurich, run: "merge author:app/dependabot label:ready"}]',
    ),
    "home": Key(
        Whole(1, 999_999_999),
        "the issue in which batches speak that have no thread of their own",
        "home: 12",
    ),
    "comments": Key(
        Either(
            Choice(Speech),
            mapping=Keys(
                Comments,
                {
                    "write": Key(Choice(Speech), "all, its report alone, or a report only if not everything was done", "write: outcomes"),
                    "pin": Key(Truth(), "whether the comment with the progress is pinned", "pin: false"),
                },
            ),
            then=Comments,
        ),
        "which comments a batch writes by itself; what is asked is answered anyway",
        "comments: {write: outcomes, pin: false}",
    ),
    SHOWN_IN: Key(
        Either(_REPOSITORY, Each(_REPOSITORY), then=_listed),
        "other repositories, not public either, whose threads may show items of this one; of the repository's own file only",
        "shown-in: [acme/widgets]",
    ),
    "_extends": Key(
        Text(300, re.sub(r"[?]P<[a-z]+>", "?:", EXTENDS.pattern), "REPOSITORY, OWNER/REPOSITORY or REPOSITORY:PATH.yml"),
        "the file that this one extends: the one of this name in another repository, or the one that is named",
        "_extends: .github",
        "extends",
    ),
}  # fmt: skip
"""Every key of the file, with what it takes and what it is for."""


def _check_file(given: Given, at: Path, found: Findings) -> None:
    if "label" in given and "labels" in given:
        problem = "\u2018labels\u2019 says it already; leave one of them out"
        found.say((*at, "label"), problem, of_key=True)


FILE = Keys(
    dict,
    KEYS,
    check=_check_file,
    rules={"not": {"required": ["label", "labels"]}},
)
"""The whole file."""


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the file, which editors read."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "What batch-bot does in this repository: .github/batch.yml",
        **FILE.schema,
    }


def rows() -> Iterator[tuple[str, Key]]:
    """Yield every key by its whole name, such as ``limits.items``, with those below it."""
    yield from _rows("", KEYS)


def _rows(prefix: str, keys: Mapping[str, Key]) -> Iterator[tuple[str, Key]]:
    for name, key in keys.items():
        yield f"{prefix}{name}", key
        yield from _below(f"{prefix}{name}", key.takes)


def _below(name: str, shape: Shape) -> Iterator[tuple[str, Key]]:
    match shape:
        case Keys(keys=keys):
            yield from _rows(f"{name}.", keys)
        case Names(of=of):
            yield from _below(f"{name}.*", of)
        case Each(of=of):
            yield from _below(f"{name}[]", of)
        case Either(mapping=mapping) if mapping is not None:
            yield from _below(name, mapping)
