"""Why GitHub did not take a push: all that it said, and what helps against each.

GitHub names the cause in ``remote:`` lines, often late and several at once:
https://docs.github.com/code-security/secret-scanning/working-with-secret-scanning-and-push-protection,
https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets,
https://docs.github.com/repositories/working-with-files/managing-large-files.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.core.world.markdown import cut
from bot.errors import Problem

MOST_LENGTH = 600
"""What of a reason is shown; what is left out is counted."""

_MOST_NAMED = 5

_LINE = re.compile(r"^remote:[ \t]?(.*?)\s*$", re.MULTILINE)
_SECRET = re.compile(r"^[\s\u2014-]*[\u2014-]{2,} (?P<kind>\S.*?) [\u2014-]{2,}$")
_PATH = re.compile(r"^\s+path: (?P<path>\S.*)$")
_ALLOW = re.compile(r"^\s+(?P<url>https://\S+/unblock-secret/\S+)$")
_RULE = re.compile(r"^- (?P<rule>(?!GITHUB PUSH PROTECTION)\S.*)$")
_LARGE = re.compile(
    r"(?:error: )?File\s+(?P<path>.+?) is\s+(?P<size>[\d.]+)\s+MB; this exceeds .*? limit"
    r" of (?P<most>[\d.]+)"
)
_IN_THE_WAY = re.compile(
    r"'refs/heads/(?P<there>[^']+)' exists; cannot create 'refs/heads/(?P<new>[^']+)'"
)
_CODE = re.compile(r"^(?:error: )?(GH\d{3}: .*)")
_NOISE = re.compile(
    r"^(?:error: )?(?:Trace: |See https?://|GH\d{3}: |Review all |Resolving deltas|$)"
)
_SENTENCE = re.compile(r"(?<=\w)\.\s+(?=[A-Z0-9])")
_COUNTED = re.compile(r"^\s*(?:Found \d+ violations?:|[0-9a-f]{40})?$")

SIGNATURES = re.compile(r"must have (?:verified|valid) signatures", re.IGNORECASE)

_ADVICE = (
    (
        SIGNATURES,
        "Let the rule apply to the branches that are merged into, not to batch/**.",
    ),
    (
        re.compile(
            r"creations? (?:being|is|are) restricted|not allowed to create", re.I
        ),
        "Let the app bypass the rule that restricts creations, or exempt batch/**.",
    ),
    (
        re.compile(r"through a (?:pull request|merge queue)", re.IGNORECASE),
        "Let that rule apply to the default branch alone: it holds for batch/** too.",
    ),
    (
        re.compile(r"status checks?|deployment", re.IGNORECASE),
        "Let required checks apply to the default branch alone, not to batch/**.",
    ),
    (
        re.compile(r"branch name|ref name|must match .*(?:name|pattern)", re.I),
        "Let the rule for names allow batch/**, or let the app bypass it.",
    ),
    (
        re.compile(r"author|committer|commit message|e-?mail", re.IGNORECASE),
        "Let the app bypass the rule for commits, or exempt batch/**.",
    ),
    (
        re.compile(r"file (?:path|extension|size)|path.* restricted", re.IGNORECASE),
        "Tell in the issue which files may change, or let the app bypass the rule.",
    ),
)
_RULES = "Look at the rules of the repository for branches batch/**."


@dataclass(frozen=True, slots=True)
class PushRefusal(Problem):
    """Why a push was refused, in one line, and what can be done."""

    reason: str
    advice: str
    wants_signatures: bool = False  # and nothing else: a signed commit would be taken

    def __str__(self) -> str:
        return self.reason


def push_refusal(said: str, why: str) -> PushRefusal:
    """Return what GitHub's words come to; *why* is git's own word for it."""
    lines = [match[1] for match in _LINE.finditer(said)]
    branch = branch_in_the_way(said)
    if branch:
        return PushRefusal(
            f"a branch named `{branch}` is in the way: GitHub keeps no branch below it",
            f"Rename or delete the branch {branch}, then retry.",
        )
    found = [*_secrets(lines), *_large_files(lines), *_rules(lines)]
    if not found:
        words = [line for line in lines if not _NOISE.match(line)]
        coded = [match[1] for line in lines if (match := _CODE.match(line))]
        found = [("; ".join((words or coded)[:_MOST_NAMED]) or why, _RULES)]
    reasons, advice = zip(*found, strict=True)
    return PushRefusal(
        f"GitHub does not take the push: {_joined(reasons)}",
        " ".join(dict.fromkeys(advice)),
        wants_signatures=all(SIGNATURES.search(reason) for reason in reasons),
    )


def branch_in_the_way(said: str) -> str:
    """Return the branch whose name is a folder of the pushed one, or that lies in it."""
    found = _IN_THE_WAY.search(said)
    return found["there"] if found else ""


def _secrets(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    kind, places, urls = "", dict[str, list[str]](), list[str]()
    for line in lines:
        if found := _SECRET.match(line):
            kind = found["kind"]
        elif kind and (found := _PATH.match(line)):
            place = found["path"]
            if place not in places.setdefault(kind, []):
                places[kind].append(place)
        elif found := _ALLOW.match(line):
            urls.append(found["url"])
    allow = f", or allow it: {' '.join(urls[:_MOST_NAMED])}" if urls else ""
    advice = f"Run the item again so that it keeps the secret out{allow}."
    for kind, where in places.items():
        yield f"a secret ({kind}) in {_counted(where)}", advice


def _large_files(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if found := _LARGE.search(line):
            size, most = found["size"], found["most"].removesuffix(".00")
            yield (
                f"{found['path']} has {size} MB, and {most} MB is the most",
                "Let .gitignore name it, or keep it with Git LFS.",
            )


def _rules(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the rules of rulesets, and those of protected branches."""
    is_protected = any("GH006" in line for line in lines)
    for number, line in enumerate(lines):
        found = _RULE.match(line)
        rules: list[str] = []
        if found is not None:
            rule = found["rule"]
            detail = _detail(lines[number + 1 :])
            rules = [f"{rule.rstrip('.:')}: {detail}" if detail else rule]
        elif is_protected and not _NOISE.match(line) and not _COUNTED.match(line):
            # Older servers write all of them into one line.
            rules = _SENTENCE.split(line.removeprefix("error: "))
        for rule in rules:
            advice = (advice for kind, advice in _ADVICE if kind.search(rule))
            yield rule.rstrip("."), next(advice, _RULES)


def _detail(following: Sequence[str]) -> str:
    """Return what stands indented below a rule, without commits and counts."""
    words = []
    for line in following:
        if line and not line.startswith(" "):
            break
        if not _COUNTED.match(line):
            words.append(line.strip())
    return _counted(words)


def _counted(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _joined(reasons: Sequence[str]) -> str:
    """Return as many whole reasons as there is room for; at least the first."""
    reasons = list(dict.fromkeys(reasons))
    shown = [cut(reasons[0], MOST_LENGTH)]
    for reason in reasons[1:]:
        if len("; ".join([*shown, reason])) > MOST_LENGTH:
            break
        shown.append(reason)
    more = len(reasons) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
