"""What an installation has granted, held against what is needed."""

import pytest

from bot.core.world.permissions import PERMISSIONS, Grants, not_granted

ALL = {name: permission.level for name, permission in PERMISSIONS.items()}


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (ALL, ()),
        ({**ALL, "contents": "admin"}, ()),  # more than enough
        ({**ALL, "contents": "read"}, ("contents: write",)),
        (
            {**ALL, "contents": "", "issues": "none"},
            ("contents: write", "issues: write"),
        ),
        # What comes later is done without.
        ({**ALL, "checks": "", "statuses": "", "actions": "", "members": ""}, ()),
    ],
)
def test_what_is_lacking_is_named_with_its_level(granted, missing):
    assert not_granted(granted) == missing


@pytest.mark.parametrize(
    ("levels", "missing"),
    [
        ({"contents": "write", "issues": "write"}, ""),
        ({"contents": "write", "pull_requests": "write"}, ""),  # either will do
        ({"contents": "write"}, "pull_requests"),  # the first of the two is asked for
        ({"issues": "write", "contents": "read"}, "contents"),
        ({}, "contents"),
    ],
)
def test_one_of_each_alternative_has_to_be_granted(levels, missing):
    needed = (("contents",), ("pull_requests", "issues"))
    assert Grants(levels).missing(needed) == missing
