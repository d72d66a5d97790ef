"""There is one way to change anything on GitHub: written ahead, under a key, once."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

BOT = Path(__file__).parents[1] / "bot"
ADAPTER = {"bot/engine/effects.py", "bot/wiring.py"}
"""Who carries intents out, and who joins the two places where that is done."""
RESOURCES = {
    "check_runs",
    "comments",
    "issues",
    "merges",
    "pulls",
    "readiness",
    "runs",
    "reviews",
}
WRITERS = {
    "check_runs": {"create", "edit"},
    "comments": {"create", "edit", "react", "pin", "unpin"},
    "issues": {
        "change_labels",
        "change_assignees",
        "change_state",
        "change_milestone",
    },
    "merges": {"update", "merge", "enqueue", "dequeue"},
    "runs": {"dispatch", "cancel", "rerun"},
    "pulls": {"open_pull_request", "change_base"},
    "readiness": {"change_draft", "change_reviewers"},
    "reviews": {"create", "hide"},
}
"""The functions of ``bot/github`` that send what an intent asks for."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a file of the bot does by name."""

    methods: frozenset[str]  # it calls
    attributes: frozenset[str]
    modules: frozenset[str]  # it imports, and what it imports of bot.github
    words: frozenset[str]  # it gives to a method named run

    @classmethod
    def of(cls, tree: ast.Module) -> "Source":
        nodes = list(ast.walk(tree))
        calls = [
            (node.func.attr, node.args)
            for node in nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ]
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        return cls(
            frozenset(name for name, _ in calls),
            frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute)),
            frozenset(
                name
                for node in imports
                for name in (
                    node.module or "",
                    *(f"{node.module}.{alias.name}" for alias in node.names),
                )
            ),
            frozenset(
                word.value
                for name, arguments in calls
                for part in arguments
                for word in ast.walk(part)
                if name == "run"
                and isinstance(word, ast.Constant)
                and isinstance(word.value, str)
            ),
        )


@cache
def sources() -> Mapping[str, Source]:
    """Return every file of the bot by its name; reading them takes seconds."""
    named = {
        path.relative_to(BOT.parent).as_posix(): path for path in BOT.rglob("*.py")
    }
    return {
        name: Source.of(ast.parse(path.read_text()))
        for name, path in named.items()
        if not name.startswith("bot/localhub/")
    }


def callers_of(*methods: str) -> set[str]:
    """Return the files that call a method of one of these names."""
    return {name for name, one in sources().items() if one.methods & {*methods}}


def test_intents_are_carried_out_in_one_place():
    assert callers_of("do") == ADAPTER


def test_requests_that_change_something_are_sent_by_the_resources_alone():
    exchange = "bot/github/client.py"  # of the app's key for a token
    signed = "bot/github/signed_commits.py"  # makes what a push would have brought
    again = "bot/github/deliveries.py"  # the operator has GitHub deliver once more
    resources = {f"bot/github/{name}.py" for name in RESOURCES}
    made = "bot/github/registration.py"  # fetches the app that its owner registered
    told = "bot/web/pages/streams.py"  # browsers, of what has changed
    assert callers_of("send") == {*resources, exchange, signed, again, made, told}
    assert callers_of("point") == {"bot/host/signed.py"}


@pytest.mark.parametrize("module", WRITERS)
def test_what_changes_a_resource_is_called_for_an_intent_alone(module: str):
    path = BOT / "github" / f"{module}.py"
    senders = {
        function.name
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.AsyncFunctionDef)
        and not function.name.startswith("_")
        and any(
            isinstance(node, ast.Attribute) and node.attr in ("send", "query")
            for node in ast.walk(function)
        )
    }
    assert senders <= WRITERS[module]
    importing = {
        name for name, one in sources().items() if f"bot.github.{module}" in one.modules
    }
    assert importing <= {"bot/github/effects.py", "bot/github/adapter.py"}
    assert callers_of(*WRITERS[module]) & {"bot/github/adapter.py"} == set()


def test_the_session_is_used_in_one_place():
    # Large files go where git goes: to the repository's address, not to the API. Who
    # signs in is asked for with their own token, which is no installation's.
    elsewhere = {"bot/github/large_files.py", "bot/github/sign_ins.py"}
    places = {"bot/github/client.py", *elsewhere}
    in_github = {name for name in sources() if "github/" in name}
    assert callers_of("request") & in_github == places
    named = {n for n, one in sources().items() if "ClientSession" in one.attributes}
    # The demo asks the bot whether it is ready; it is no part of the bot. A relay listens
    # to a channel, and sends to the bot's own route alone; a machine of a pool asks it.
    of_the_bot = {"bot/web/relay.py", "bot/workers/redeeming.py"}
    assert named - {"bot/demo/stage.py"} - of_the_bot == places


def test_git_pushes_in_one_place():
    pushing = {name for name, one in sources().items() if "push" in one.words}
    assert pushing == {"bot/host/push.py"}
