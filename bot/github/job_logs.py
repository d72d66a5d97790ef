"""Logs of jobs of GitHub Actions.

https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
"""

import asyncio

from bot.core.model import Repository
from bot.core.world.job_logs import telling_lines
from bot.errors import RateLimited, Refused, TransientError
from bot.github.client import Connection

MOST_BYTES = 4_000_000
"""What is read of a log, from its end; few are longer."""

_LOGS = "/repos/{+repository}/actions/jobs/{job}/logs"


async def lines_of(
    connection: Connection, repository: Repository, job_id: int
) -> tuple[str, ...]:
    """Return the telling lines of a failed job; none if its log cannot be had."""
    try:
        text = await connection.log(
            _LOGS, most_bytes=MOST_BYTES, repository=repository.name, job=job_id
        )
    except RateLimited:
        raise
    except (Refused, TransientError):
        return ()  # it has gone, is not granted, or where it is kept does not answer
    return tuple(await asyncio.to_thread(telling_lines, text))
