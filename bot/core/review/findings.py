"""What is certain about a pull request, most important first, as Markdown."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bot.core.review import diff
from bot.core.review.facts import Annotation, ChangedFile, ReviewFacts
from bot.core.review.kinds import Kind, kind_of
from bot.core.world.markdown import (
    code_span,
    escape_line,
    escape_prose,
    link,
    plural,
    some,
)
from bot.core.world.pulls import MergeState, ReviewDecision
from bot.core.world.questions import Check, CheckState

BIG_LINES = 1_000
"""A file with more changed lines than that is named."""

_MOST_NAMED = 5
_MOST_CHECKS = 10
_MOST_ANNOTATIONS = 3
_PATH_WIDTH = 200
_NAME_WIDTH = 100
_MESSAGE_WIDTH = 160

_RIGHTS = re.compile(
    r"^\s*(?:-\s*)?(?:permissions\s*:|[a-z-]+\s*:\s*write\b)"
    r"|\bwrite-all\b|\bpull_request_target\b|\bsecrets\s*(?:\.|:\s*inherit)"
)
_TEST_NAME = re.compile(
    r"^\s*(?:async\s+)?(?:def\s+(test_\w{1,80})|func\s+(Test\w{1,80})|fn\s+(test_\w{1,80}))"
)


class Weight(Enum):
    """How much a finding matters."""

    STOPS = auto()  # a merge
    WAITS = auto()  # for somebody or something
    LOOK = auto()  # a person should
    NOTE = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something certain; *text* is Markdown of one line."""

    weight: Weight
    text: str


def findings(facts: ReviewFacts) -> list[Finding]:
    """Return all that is certain, most important first."""
    found = [one for says in _IN_ORDER for one in says(facts)]
    return sorted(found, key=lambda one: one.weight.value)


# --- what GitHub says of it --------------------------------------------------------------


def _conflicts(facts: ReviewFacts) -> Iterator[Finding]:
    pull = facts.pull
    if facts.has_conflicts:
        both, names = facts.changed_on_both, facts.conflicting
        where = f"; both changed {_paths(both)}" if both else ""
        where = f" in {_paths(names)}" if names else where
        where = where or f": {link('which files', f'{pull.url}/conflicts')}"
        yield Finding(
            Weight.STOPS, f"Conflicts with {code_span(pull.base_branch)}{where}"
        )


def _checks(facts: ReviewFacts) -> Iterator[Finding]:
    failed = [c for c in facts.pull.required if _is_bad(c)]
    for check in failed[:_MOST_CHECKS]:
        said = _annotated(facts.annotations.get(check.name, ()))
        yield Finding(Weight.STOPS, f"Required check {_ended(check)}{said}")
    if (more := len(failed) - _MOST_CHECKS) > 0:
        yield Finding(
            Weight.STOPS, f"{plural(more, 'more required check')} did not pass"
        )
    pending = [c for c in facts.pull.required if c.state is CheckState.PENDING]
    missing = [c for c in pending if c.says == "expected"]
    running = [c for c in pending if c.says != "expected"]
    for checks, says in ((missing, "not reported"), (running, "not ended")):
        if checks:
            count = plural(len(checks), "required check")
            verb = "has" if len(checks) == 1 else "have"
            yield Finding(Weight.WAITS, f"{count} {verb} {says}: {_names(checks)}")


def _other_checks(facts: ReviewFacts) -> Iterator[Finding]:
    required = facts.pull.required
    failed = [c for c in facts.pull.checks if c not in required and _is_bad(c)]
    for check in failed[:_MOST_CHECKS]:
        said = _annotated(facts.annotations.get(check.name, ()))
        yield Finding(Weight.LOOK, f"Check {_ended(check)}{said}")
    if (more := len(failed) - _MOST_CHECKS) > 0:
        yield Finding(Weight.LOOK, f"{plural(more, 'more check')} did not pass")


def _people(facts: ReviewFacts) -> Iterator[Finding]:
    pull = facts.pull
    if pull.unapproved:
        count = plural(len(pull.unapproved), "workflow")
        verb = "waits" if len(pull.unapproved) == 1 else "wait"
        names = _names(pull.unapproved)
        yield Finding(
            Weight.WAITS, f"{count} {verb} for somebody's approval to run: {names}"
        )
    if pull.review is ReviewDecision.CHANGES_REQUESTED:
        who = [escape_line(one, _NAME_WIDTH) for one in pull.objectors]
        by = some(who[:_MOST_NAMED], len(who)) or "A reviewer"
        yield Finding(Weight.STOPS, f"{by} requested changes")
    elif pull.review is ReviewDecision.REQUIRED:
        yield Finding(Weight.WAITS, f"Needs {pull.rules.wanted_approvals}")


def _conversations(facts: ReviewFacts) -> Iterator[Finding]:
    own = sum(len(one.open_threads) for one in facts.earlier)
    if (count := facts.pull.open_conversations - own) > 0:
        must = facts.pull.rules.wants_conversations_resolved
        weight = Weight.WAITS if must else Weight.LOOK
        required = ", and all have to be" if must else ""
        verb = "is" if count == 1 else "are"
        yield Finding(
            weight, f"{plural(count, 'conversation')} {verb} not resolved{required}"
        )


def _behind(facts: ReviewFacts) -> Iterator[Finding]:
    if facts.pull.merge_state is MergeState.BEHIND:
        base = code_span(facts.pull.base_branch)
        yield Finding(Weight.STOPS, f"Behind {base}, which wants it up to date")


def _draft(facts: ReviewFacts) -> Iterator[Finding]:
    if facts.pull.is_draft:
        yield Finding(Weight.NOTE, "Still a draft")


# --- what its files say --------------------------------------------------------------------


def _rights(facts: ReviewFacts) -> Iterator[Finding]:
    changed = _of(facts, Kind.RIGHTS)
    if not changed:
        return
    what = "Changes what runs, or who decides, with this repository's rights"
    yield Finding(Weight.LOOK, f"{what}: {_paths([f.path for f in changed])}")
    for file in changed[:_MOST_NAMED]:
        added = diff.added(file.patch or "")
        rights = [one for one in added if _RIGHTS.search(one.text[:500])]
        if rights:
            shown = [code_span(one.text.strip(), 60) for one in rights[:_MOST_NAMED]]
            path = code_span(file.path, _PATH_WIDTH)
            yield Finding(Weight.LOOK, f"{path} gains {some(shown, len(rights))}")


def _tests(facts: ReviewFacts) -> Iterator[Finding]:
    tests = _of(facts, Kind.TESTS)
    gone = [file.path for file in tests if file.status == "removed"]
    if gone:
        yield Finding(
            Weight.LOOK, f"{plural(len(gone), 'file')} of tests removed: {_paths(gone)}"
        )
    moved = [
        f"{_paths([file.previous_path])} to {_paths([file.path])}"
        for file in facts.files
        if file.status == "renamed"
        and kind_of(file.previous_path) is Kind.TESTS
        and _kind(file) is not Kind.TESTS
    ]
    if moved:
        count = plural(len(moved), "file")
        shown = some(moved[:_MOST_NAMED], len(moved))
        yield Finding(Weight.LOOK, f"{count} moved out of the tests: {shown}")
    if lost := _lost_tests(tests):
        names = some([code_span(name) for name in lost[:_MOST_NAMED]], len(lost))
        yield Finding(Weight.LOOK, f"Tests taken out of files that stay: {names}")
    code = [f for f in _of(facts, Kind.CODE) if f.status != "removed" and f.changes]
    is_whole = len(facts.files) >= facts.files_in_all
    if code and is_whole and not any(f.status != "removed" for f in tests):
        least = "at least " if facts.hides_lines else ""
        count = plural(len(code), "file")
        yield Finding(Weight.LOOK, f"Changes {least}{count} of code and no test")


def _lost_tests(tests: Iterable[ChangedFile]) -> list[str]:
    """Return the names of tests that are nowhere in the tests that the diff adds."""
    stays = [file.patch or "" for file in tests if file.status != "removed"]
    before = [_name(line) for patch in stays for line in diff.removed(patch)]
    now = {_name(line) for patch in stays for line in diff.added(patch)}
    return list(dict.fromkeys(name for name in before if name and name not in now))


def _name(line: diff.Line) -> str:
    found = _TEST_NAME.match(line.text)
    return next(filter(None, found.groups())) if found else ""


def _submodules(facts: ReviewFacts) -> Iterator[Finding]:
    moves = [(f.path, f.submodule) for f in facts.files if f.submodule]
    for path, (before, after) in moves[:_MOST_NAMED]:
        name = code_span(path, _PATH_WIDTH)
        was, now = code_span(before[:7]), code_span(after[:7])
        if not before:
            says = f"Adds the submodule {name} at {now}"
        elif not after:
            says = f"Removes the submodule {name}"
        else:
            says = f"Moves the submodule {name} from {was} to {now}"
        yield Finding(Weight.LOOK, says)
    if (more := len(moves) - _MOST_NAMED) > 0:
        yield Finding(Weight.LOOK, f"{plural(more, 'more submodule')} changed")


def _unreadable(facts: ReviewFacts) -> Iterator[Finding]:
    shown = [file for file in facts.files if file.patch is None]
    big = [file.path for file in shown if file.changes]
    if big:
        yield Finding(Weight.LOOK, f"Too big for GitHub to show: {_paths(big)}")
    binary = [
        file.path
        for file in shown
        if not file.changes
        and not file.is_empty
        and file.status in ("added", "modified", "changed")
    ]
    if binary and facts.hides_lines:
        says = "GitHub cuts so big a diff, and shows no lines of"
        yield Finding(Weight.LOOK, f"{says} {_paths(binary)}")
    elif binary:
        yield Finding(
            Weight.LOOK, f"Binary, or changed in its mode alone: {_paths(binary)}"
        )
    long = [
        file.path
        for file in facts.files
        if file.patch is not None
        and file.changes > BIG_LINES
        and _kind(file) not in (Kind.LOCKS, Kind.GENERATED)
    ]
    if long:
        says = f"More than {BIG_LINES:,} lines changed in"
        yield Finding(Weight.NOTE, f"{says} {_paths(long)}")


def _made(facts: ReviewFacts) -> Iterator[Finding]:
    for kind, says in (
        (Kind.LOCKS, "Lock files changed"),
        (Kind.GENERATED, "Generated or vendored"),
    ):
        if found := _of(facts, kind):
            yield Finding(Weight.NOTE, f"{says}: {_paths([f.path for f in found])}")


def _cut(facts: ReviewFacts) -> Iterator[Finding]:
    if len(facts.files) < facts.files_in_all:
        told, whole = len(facts.files), facts.files_in_all
        yield Finding(
            Weight.LOOK,
            f"GitHub lists {told:,} of its {whole:,} files: nothing is known of the rest",
        )


_IN_ORDER: Sequence[Callable[[ReviewFacts], Iterable[Finding]]] = (
    _conflicts,
    _checks,
    _behind,
    _people,
    _conversations,
    _other_checks,
    _rights,
    _tests,
    _submodules,
    _unreadable,
    _cut,
    _made,
    _draft,
)


def size(facts: ReviewFacts) -> str:
    """Return how big the diff is, by kind of file."""
    if not facts.files and not facts.files_in_all:
        return "no file changed"
    added = facts.additions or sum(file.additions for file in facts.files)
    gone = facts.deletions or sum(file.deletions for file in facts.files)
    kinds = Counter(map(_kind, facts.files))
    parts = [f"{kind} {kinds[kind]:,}" for kind in Kind if kinds[kind]]
    counted = plural(max(len(facts.files), facts.files_in_all), "file")
    by_kind = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    return f"{counted}, +{added:,} −{gone:,}{by_kind}"  # noqa: RUF001


# --- words --------------------------------------------------------------------------------


def _is_bad(check: Check) -> bool:
    return check.state in (CheckState.FAILED, CheckState.STOPPED)


def _ended(check: Check) -> str:
    name = escape_line(check.name, _NAME_WIDTH)
    shown = link(name, check.url) if check.url else name
    return f"{shown}: {check.says.replace('_', ' ')}"


def _annotated(said: Sequence[Annotation]) -> str:
    parts = [
        f"{code_span(f'{one.path}:{one.line}', _PATH_WIDTH)}"
        f" {escape_prose(one.message, _MESSAGE_WIDTH)}"
        for one in said[:_MOST_ANNOTATIONS]
    ]
    return f" — {'; '.join(parts)}" if parts else ""


def _names(checks: Sequence[Check]) -> str:
    shown = [
        link(name, check.url) if check.url else name
        for check in checks[:_MOST_NAMED]
        for name in [escape_line(check.name, _NAME_WIDTH)]
    ]
    return some(shown, len(checks))


def _paths(paths: Sequence[str]) -> str:
    shown = [code_span(path, _PATH_WIDTH) for path in paths[:_MOST_NAMED]]
    return some(shown, len(paths))


def _of(facts: ReviewFacts, kind: Kind) -> list[ChangedFile]:
    return [file for file in facts.files if _kind(file) is kind]


def _kind(file: ChangedFile) -> Kind:
    return Kind.OTHER if file.submodule else kind_of(file.path)
