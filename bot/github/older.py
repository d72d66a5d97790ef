"""What older Enterprise servers do not tell of a pull request: asked for where it is.

The merge queue is there from 3.12 on; the state of a merge and the rules of a branch
were previews on some that are in use.
"""

import re
from collections.abc import Iterable, Mapping

from bot.core.world.features import Feature
from bot.github.graphql import GraphQLProblem

_QUEUE_EVENTS = "ADDED_TO_MERGE_QUEUE_EVENT, REMOVED_FROM_MERGE_QUEUE_EVENT"
_PARTS: Mapping[str, str] = {
    "mergeStateStatus": "mergeStateStatus",
    "viewerCanMergeAsAdmin": "viewerCanMergeAsAdmin",
    "reviewDecision": "reviewDecision",
    "viewerDefaultMergeMethod": "viewerDefaultMergeMethod",
    "isRequired": "isRequired(pullRequestNumber: %s)",
    "queue": f"""
      isMergeQueueEnabled
      mergeQueueEntry {{ position state enqueuedAt enqueuer {{ __typename login }} }}
      timelineItems(last: 2, itemTypes: [{_QUEUE_EVENTS}]) {{
        nodes {{
          __typename
          ... on RemovedFromMergeQueueEvent {{
            createdAt reason actor {{ __typename login }}
          }}
        }}
      }}
    """,
    "refUpdateRule": """
      refUpdateRule {
        requiredStatusCheckContexts requiredApprovingReviewCount
        requiresCodeOwnerReviews requiresConversationResolution
      }
    """,
    "latestOpinionatedReviews": """
      latestOpinionatedReviews(first: 20) { nodes { state author { login } } }
    """,
    "workflowRun": "workflowRun { url workflow { name } }",
}
_SIGNS = {name: name for name in _PARTS} | {
    "queue": r"\w*(?:MergeQueue|mergeQueue|MERGE_QUEUE)\w*"
}
_GUESS = re.compile(r"\(?\bdid you mean\b.*", re.IGNORECASE | re.DOTALL)
_TELLING = frozenset({"mergeStateStatus", "isRequired", "refUpdateRule"})


class Asked:
    """The parts of questions that the server was not found to lack."""

    def __init__(self) -> None:
        self._missing: set[str] = set()

    def __getitem__(self, name: str) -> str:
        """Return how a part is asked for; nothing if the server does not have it."""
        return "" if name in self._missing else _PARTS[name]

    def learn(self, problems: Iterable[GraphQLProblem]) -> bool:
        """Take in what the server does not know; return whether that was news."""
        told = [_GUESS.sub("", one.message) for one in problems if one.is_schema]
        found = {
            name
            for name, sign in _SIGNS.items()
            if any(re.search(rf"\b{sign}\b", words) for words in told)
        }
        is_news = not found <= self._missing
        self._missing |= found
        return is_news

    @property
    def lacks(self) -> frozenset[Feature]:
        """Return what the server was found to lack so far."""
        of = {"queue": Feature.MERGE_QUEUE} | dict.fromkeys(
            _TELLING, Feature.BASE_RULES
        )
        return frozenset(of[name] for name in self._missing & of.keys())
