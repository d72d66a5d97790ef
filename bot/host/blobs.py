"""Contents of a mirror, many at a time."""

from collections.abc import Iterator, Sequence

from bot.host.git import Git, Place


async def small_blobs(
    git: Git, place: Place, shas: Sequence[str], *, most_bytes: int
) -> dict[str, bytes]:
    """Return the contents of those that are no longer, by their names."""
    check = ("cat-file", "--batch-check=%(objectname) %(objectsize)")
    sizes = await git.run(*check, place=place, stdin="\n".join(shas).encode())
    named = [line.split(" ") for line in sizes.decode().splitlines()]
    small = [sha for sha, size in named if int(size) <= most_bytes]
    asked = "\n".join(small).encode()
    printed = await git.run("cat-file", "--batch", place=place, stdin=asked)
    return dict(_contents(printed))


def _contents(printed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what ``git cat-file --batch`` printed."""
    place = 0
    while place < len(printed):
        end = printed.index(b"\n", place)
        sha, _, size = printed[place:end].decode().split(" ")
        yield sha, printed[end + 1 : end + 1 + int(size)]
        place = end + int(size) + 2
