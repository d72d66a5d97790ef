"""What git says when it fails, read for what it means."""

import pytest

from bot.host.git import GitFailed

SHA = "1" * 40


@pytest.mark.parametrize(
    "said",
    [
        'error: open("corrupt.a"): Permission denied\n'
        "fatal: Unable to process path corrupt.a",
        "error: corrupt.a: failed to insert into database\n"
        "fatal: Unable to process path corrupt.a",
        "error: bad object/packfile: unsupported file type\n"
        "fatal: Unable to process path bad object/packfile",
        "error: packfile is empty: is a directory - add files inside instead",
        "error: short read while indexing inflate.c",
        "error: unable to create file src/packfile.c: Permission denied",
        "error: invalid path 'corrupt/.git/x'",
        f"To https://github.test/acme/packfile.git\n"
        f"!\t{SHA}:refs/heads/fix-corrupt-index\t[rejected] (stale info)\nDone\n"
        "error: failed to push some refs to 'https://github.test/acme/packfile.git'",
        f"remote: fatal: unable to read {SHA}",
        f"!\t{SHA}:refs/heads/x\t[remote rejected] (cannot lock ref 'refs/heads/x')",
    ],
)
def test_a_name_that_sounds_like_damage_is_none(said: str):
    assert not GitFailed("update-index", exit_code=128, said=said).is_damage


@pytest.mark.parametrize(
    "said",
    [
        f"fatal: bad object {SHA}",
        f"fatal: loose object {SHA} (stored in objects/11/1) is corrupt",
        "error: object file objects/11/1 is empty",
        "error: inflate: data stream error (incorrect header check)",
        "fatal: update_ref failed for ref 'refs/base/a': cannot lock ref 'refs/base/a': "
        "Unable to create 'refs/base/a.lock': File exists.",
        "error: cannot lock ref 'refs/base/a': unable to resolve reference "
        "'refs/base/a': Is a directory",
        "warning: ignoring broken ref refs/seen/1",
        f"error: unable to read sha1 file of corrupt.a ({SHA})",
        f'error: open("corrupt.a"): Permission denied\nfatal: unable to read tree ({SHA})',
    ],
)
def test_what_git_says_of_its_own_files_is_damage(said: str):
    assert GitFailed("update-index", exit_code=128, said=said).is_damage
