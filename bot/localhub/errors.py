"""What the local GitHub refuses, with the status and words that GitHub uses."""

from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"
UNNUMBERED = (405, 409, 422)
"""Statuses that are not repeated in the answer's JSON."""


class GitHubError(Exception):
    """A refusal. ``errors`` are the entries of a 422's list, ``texts`` its plain ones."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: tuple[dict[str, Any], ...] = (),
        texts: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.texts = texts
        self.headers = headers or {}
        self.url = url

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors or self.texts:
            body["errors"] = [*self.errors, *self.texts]
        if self.url is not None:
            body["url"] = self.url
        body["documentation_url"] = DOCUMENTATION
        return (
            body if self.status in UNNUMBERED else body | {"status": str(self.status)}
        )


def not_found() -> GitHubError:
    """Return the answer for what does not exist or may not be seen."""
    return GitHubError(404, "Not Found")


def gone(message: str = "This issue was deleted") -> GitHubError:
    """Return the answer for what was deleted."""
    return GitHubError(410, message)


def moved(url: str) -> GitHubError:
    """Return the answer for what has another address now."""
    return GitHubError(301, "Moved Permanently", url=url, headers={"Location": url})


def archived() -> GitHubError:
    """Return the answer to a change of a repository that is read-only."""
    return forbidden(message="Repository was archived so is read-only.")


def forbidden(
    *, message: str = "Resource not accessible by integration"
) -> GitHubError:
    """Return the answer to somebody who may see but not do it."""
    return GitHubError(403, message)


def invalid(
    *, resource: str, field: str, code: str = "invalid", message: str = ""
) -> GitHubError:
    """Return the answer for a value that does not fit."""
    entry = {"resource": resource, "code": code, "field": field}
    if message:
        entry["message"] = message
    return GitHubError(422, "Validation Failed", errors=(entry,))
