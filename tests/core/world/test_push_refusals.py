import pytest

from bot.core.world.push_refusals import MOST_LENGTH, PushRefusal, push_refusal

SHA = "027faa7121ee9df79db623e1a2848d2cc88a8dba"
DECLINED = "push declined due to repository rule violations"
RULES = f"""\
remote: error: GH013: Repository rule violations found for refs/heads/batch/b7k2/12.        
remote: Review all repository rules at https://github.com/acme/widgets/rules?ref=x        
remote: 
remote: - Commits must have verified signatures.        
remote:   Found 1 violation:        
remote: 
remote:   {SHA}        
remote: 
"""  # noqa: W291 - as git prints it
PROTECTION = f"""\
remote: error: GH013: Repository rule violations found for refs/heads/batch/b7k2/12.
remote:
remote: - GITHUB PUSH PROTECTION
remote:   —————————————————————————————————————————
remote:     Resolve the following violations before pushing again
remote:
remote:     - Push cannot contain secrets
remote:
remote:
remote:      (?) Learn how to resolve a blocked push
remote:      https://docs.github.com/code-security/secret-scanning
remote:
remote:
remote:       —— GitHub Personal Access Token ——————————————————————
remote:        locations:
remote:          - commit: {SHA}
remote:            path: src/api/github.ts:34
remote:          - commit: {SHA}
remote:            path: README.md:4
remote:
remote:        (?) To push, remove secret from commit(s) or follow this URL to allow the secret.
remote:        https://github.com/acme/widgets/security/secret-scanning/unblock-secret/2gakJr
remote:
remote:
remote:       —— DeepSeek API Key ——————————————————————————————————
remote:        locations:
remote:          - commit: {SHA}
remote:            path: .env:6
remote:
"""
LARGE = """\
remote: error: Trace: 7c9d
remote: error: See https://gh.io/lfs for more information.
remote: error: File iOS/My App/app.bin is 201.35  MB; this exceeds GitHub's file size limit of 100.00 MB
remote: error: File b.zip is 110.88 MB; this exceeds GitHub's file size limit of 100.00 MB
remote: error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.
"""


def test_push_protection_names_kind_path_and_line():
    refusal = push_refusal(PROTECTION, DECLINED)
    assert refusal.reason == (
        "GitHub does not take the push: a secret (GitHub Personal Access Token) in "
        "src/api/github.ts:34, README.md:4; a secret (DeepSeek API Key) in .env:6"
    )
    assert refusal.advice == (
        "Run the item again so that it keeps the secret out, or allow it: "
        "https://github.com/acme/widgets/security/secret-scanning/unblock-secret/2gakJr."
    )


def test_signatures_alone_would_be_enough():
    refusal = push_refusal(RULES, DECLINED)
    assert refusal.reason.endswith("push: Commits must have verified signatures")
    assert refusal.wants_signatures
    assert SHA not in refusal.reason
    assert refusal.wants_signatures


def test_each_of_several_rules_is_named_with_its_own_advice():
    more = (
        "remote: - Cannot create ref due to creations being restricted.\n"
        "remote: \n"
        "remote: - File path is restricted\n"
        "remote:   Found 2 violations:\n"
        "remote: \n"
        "remote:   .github/workflows/ci.yml\n"
        "remote:   secrets/key.pem\n"
    )
    refusal = push_refusal(RULES + more, DECLINED)
    assert refusal.reason == (
        "GitHub does not take the push: Commits must have verified signatures; "
        "Cannot create ref due to creations being restricted; "
        "File path is restricted: .github/workflows/ci.yml, secrets/key.pem"
    )
    assert refusal.advice.count(". ") == 2
    assert not refusal.wants_signatures


def test_a_secret_and_a_rule_are_both_named():
    refusal = push_refusal(
        PROTECTION + "remote: - Changes must be made through a pull request.\n",
        DECLINED,
    )
    assert "DeepSeek API Key" in refusal.reason
    assert "Changes must be made through a pull request" in refusal.reason
    assert "default branch alone" in refusal.advice


def test_large_files_are_named_with_their_size():
    refusal = push_refusal(LARGE, "pre-receive hook declined")
    assert refusal == PushRefusal(
        "GitHub does not take the push: iOS/My App/app.bin has 201.35 MB, and 100 MB is "
        "the most; b.zip has 110.88 MB, and 100 MB is the most",
        "Let .gitignore name it, or keep it with Git LFS.",
    )


def test_a_protected_branch_names_its_rules():
    said = (
        "remote: error: GH006: Protected branch update failed for refs/heads/batch/x.\n"
        "remote: error: Changes must be made through a pull request. 2 of 2 required "
        "status checks are expected.\n"
    )
    refusal = push_refusal(said, "protected branch hook declined")
    assert "Changes must be made through a pull request; 2 of 2" in refusal.reason
    assert refusal.advice.count("default branch alone") == 2


PROTECTED = (
    "remote: error: GH006: Protected branch update failed for refs/heads/batch/x.\n"
)


@pytest.mark.parametrize(
    ("said", "wants_signatures"),
    [
        ("remote: error: Commits must have valid signatures.\n", True),
        ("remote: \nremote: - Commits must have verified signatures.\n", True),
        (
            "remote: - Commits must have verified signatures.\n"
            f"remote:   Found 1 violation:\nremote: \nremote:   {'a' * 40}\n",
            True,
        ),
        (
            "remote: error: Commits must have valid signatures. Changes must be made "
            "through a pull request.\n",
            False,
        ),
        (
            "remote: - Commits must have verified signatures.\n"
            "remote: - Changes must be made through a pull request.\n",
            False,
        ),
        ("remote: - Changes must be made through a pull request.\n", False),
    ],
)
def test_signatures_are_what_is_missing_only_if_nothing_else_is(
    said: str, wants_signatures: bool
):
    refusal = push_refusal(PROTECTED + said, "protected branch hook declined")
    assert refusal.wants_signatures is wants_signatures
    assert "aaaa" not in refusal.reason


def test_a_branch_in_the_way_is_named():
    said = (
        "remote: error: cannot lock ref 'refs/heads/batch/b7k2/12': 'refs/heads/batch' "
        "exists; cannot create 'refs/heads/batch/b7k2/12'\n"
    )
    refusal = push_refusal(said, "failed to update ref")
    assert "a branch named `batch` is in the way" in refusal.reason
    assert "batch" in refusal.advice


def test_words_that_nobody_foresaw_are_passed_on():
    refusal = push_refusal("remote: Nobody pushes on Fridays.\n", "hook declined")
    assert refusal.reason == "GitHub does not take the push: Nobody pushes on Fridays."
    assert (
        refusal.advice == "Look at the rules of the repository for branches batch/**."
    )
    silent = push_refusal("", "hook declined")
    assert silent.reason == "GitHub does not take the push: hook declined"


def test_a_long_list_is_cut_between_reasons_and_counted():
    lines = "".join(
        f"remote: error: File {'x' * 80}{n}.bin is 101.00 MB; this exceeds GitHub's "
        "file size limit of 100.00 MB\n"
        for n in range(20)
    )
    reason = push_refusal(lines, "hook declined").reason
    assert len(reason) < MOST_LENGTH + 60
    assert reason.endswith("and 16 more")
