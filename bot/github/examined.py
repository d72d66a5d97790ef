"""How GitHub stands, from the answers to what was asked anyway: no request is made."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from bot.core.model import InstallationId
from bot.core.say import findings
from bot.core.world.permissions import ORGANIZATIONS_ONLY, PERMISSIONS, lacking
from bot.github.ledger import Ledger
from bot.ports.examined import Finding, State

PART = "GitHub"
MOST_CLOCK_SECONDS = 30.0
"""How far this machine's clock may be from GitHub's; a key is refused after 60."""


def of_ledger(ledger: Ledger, now: datetime) -> Iterator[Finding]:
    """Yield what the answers so far say of key, reach, clock and holds."""
    out_of_reach = ledger.traffic.out_of_reach
    if ledger.refuses_key:
        yield Finding(PART, State.BROKEN, *findings.key_refused())
    elif out_of_reach:
        words = findings.out_of_reach(
            answers=out_of_reach.answers,
            since=out_of_reach.since,
            requests=out_of_reach.requests,
        )
        yield Finding(PART, State.BROKEN, *words)
    else:
        yield Finding(PART, State.FINE, *findings.github_works())
    if refused := ledger.refused_installations:
        yield Finding(PART, State.NOTE, *findings.tokens_refused(refused))
    ahead = ledger.clock.ahead_seconds
    if abs(ahead) > MOST_CLOCK_SECONDS:
        yield Finding("clock", State.NOTE, *findings.clock_is_off(ahead))
    held = ledger.held_seconds()
    if held:
        until = now + timedelta(seconds=max(held.values()))
        yield Finding("budget", State.NOTE, *findings.held(len(held), until))


def of_grants(
    granted: Mapping[InstallationId, Mapping[str, str]],
) -> Iterator[Finding]:
    """Yield the permissions in use that installations have not granted."""
    lack: defaultdict[str, list[int]] = defaultdict(list)
    for installation_id, levels in sorted(granted.items()):
        for name in lacking(levels):
            if name not in ORGANIZATIONS_ONLY:
                lack[name].append(installation_id)
    for name, installations in lack.items():
        permission = f"{name}: {PERMISSIONS[name].level}"
        words = findings.not_granted(permission, installations)
        yield Finding("permissions", State.NOTE, *words)
