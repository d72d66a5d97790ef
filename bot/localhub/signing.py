"""Signatures of the local GitHub, and rules that want one on every commit.

GitHub signs what is made through its API in an app's name. Here a seal stands for the
signature: it proves, like that, that the commit was made by this server.
https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification
"""

import hashlib
from fnmatch import fnmatchcase
from textwrap import indent

from bot.localhub.git import ZERO_SHA, GitRepository

BEGIN, END = "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"
VIOLATION = "Commits must have verified signatures."

_HOOK = """\
#!/bin/sh
# Refuses commits without a signature of this server, in the words of GitHub.
status=0
while read -r old new ref; do
    [ "$new" = {zero} ] && continue
    case "$ref" in {patterns}) ;; *) continue ;; esac
    unsigned=$(for commit in $(git rev-list "$new" --not --all); do
        git cat-file commit "$commit" | sed '/^$/q' | grep -q '^gpgsig ' || echo "  $commit"
    done)
    [ -z "$unsigned" ] && continue
    status=1
    {answer}
done
exit $status
"""
_RULE_ANSWER = f"""\
echo "error: GH013: Repository rule violations found for $ref."
    echo "- {VIOLATION}"
    echo "  Found $(echo "$unsigned" | wc -l) violation:"
    echo
    echo "$unsigned"
"""
_PROTECTION_ANSWER = f"""\
echo "error: GH006: Protected branch update failed for $ref."
    echo
    echo "- {VIOLATION}"
"""


def seal(payload: str) -> str:
    """Return the signature of a commit that has none yet."""
    digest = hashlib.sha256(f"made by the local GitHub\n{payload}".encode()).hexdigest()
    return f"{BEGIN}\n\n{digest}\n{END}"


def sealed(payload: str) -> str:
    """Return a commit with its signature in the header."""
    head, _, message = payload.partition("\n\n")
    header = indent(seal(payload), " ", lambda _line: True)
    return f"{head}\ngpgsig{header}\n\n{message}"


def signed(git: GitRepository, sha: str) -> str:
    """Return the same commit, made by this server."""
    commit = git.content("commit", sha).decode()
    return git.write("commit", sealed(commit).encode())


def parts(commit: str) -> tuple[str | None, str]:
    """Return the signature of a commit and what it was made of."""
    head, _, message = commit.partition("\n\n")
    before, mark, rest = head.partition("\ngpgsig ")
    if not mark:
        return None, commit
    lines = rest.split("\n")
    count = next((n for n, x in enumerate(lines[1:], 1) if x[:1] != " "), len(lines))
    signature = "\n".join([lines[0], *(line[1:] for line in lines[1:count])])
    return signature, "\n".join([before, *lines[count:]]) + f"\n\n{message}"


def verification(git: GitRepository, sha: str) -> dict[str, object]:
    """Return what GitHub says of a commit's signature."""
    signature, payload = parts(git.content("commit", sha).decode(errors="replace"))
    is_verified = signature is not None and signature == seal(payload)
    reason = "valid" if is_verified else "unsigned" if signature is None else "invalid"
    return {
        "verified": is_verified,
        "reason": reason,
        "signature": signature,
        "payload": None if signature is None else payload,
        "verified_at": None,
    }


def is_held(patterns: list[str], ref: str) -> bool:
    """Return whether a rule wants signatures on a branch; *ref* is its full name."""
    return any(fnmatchcase(ref, f"refs/heads/{one}") for one in patterns)


def unsigned(git: GitRepository, sha: str) -> list[str]:
    """Return the commits that would be new on the server and are not verified."""
    return [
        one for one in git.new_commits(sha) if not verification(git, one)["verified"]
    ]


def require(git: GitRepository, patterns: list[str], *, is_classic: bool) -> None:
    """Have pushes refused that bring commits without a signature to such branches."""
    hook = git.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    cases = "|".join(f"refs/heads/{one}" for one in patterns)
    answer = _PROTECTION_ANSWER if is_classic else _RULE_ANSWER
    text = _HOOK.format(zero=ZERO_SHA, patterns=cases, answer=answer)
    hook.write_text(text)
    hook.chmod(0o755)
