"""What kind of file a path is, as far as its name tells."""

import re
from enum import StrEnum


class Kind(StrEnum):
    """The kinds that a diff is told apart by, in the order in which they are told."""

    CODE = "code"
    TESTS = "tests"
    DOCS = "docs"
    SETTINGS = "settings"
    RIGHTS = "workflows"  # what runs, or who decides, with the repository's rights
    LOCKS = "lock files"
    GENERATED = "generated"
    OTHER = "other"


_LOCKS = frozenset(
    [
        "Cargo.lock",
        "Gemfile.lock",
        "Pipfile.lock",
        "bun.lock",
        "bun.lockb",
        "composer.lock",
        "flake.lock",
        "go.sum",
        "mix.lock",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "packages.lock.json",
        "pdm.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    ]
)
_RIGHTS = re.compile(
    r"\.github/(?:workflows|actions)/.+|(?:.+/)?action\.ya?ml"
    r"|(?:\.github/|docs/)?CODEOWNERS|\.github/(?:batch|dependabot)\.ya?ml"
    r"|\.gitlab-ci\.yml|\.gitmodules"
)
_GENERATED = re.compile(
    r"(?:.*/)?(?:vendor|node_modules|third_party|__generated__)/.*"
    r"|.*(?:\.min\.(?:js|css)|\.pb\.go|_pb2(?:_grpc)?\.pyi?|\.g\.dart|\.snap|\.js\.map)"
)
_TESTS = re.compile(
    r"(?:.*/)?(?:tests?|__tests__|spec|specs|testdata)/.*"
    r"|(?:.*/)?(?:test_[^/]*|conftest)\.py"
    r"|.*(?:_test\.(?:py|go|rb|c|cc|cpp|dart|exs)|_spec\.rb|Tests?\.(?:java|kt|cs|php|swift))"
    r"|.*\.(?:test|spec)\.[cm]?[jt]sx?"
)
_DOCS = re.compile(
    r"(?:.*/)?docs?/.*|.*\.(?:md|rst|adoc)|(?:.*/)?(?:LICENSE|NOTICE|AUTHORS)[^/]*"
    r"|(?!(?:.*/)?(?:requirements|constraints)[^/]*/)(?:.*/)?"
    r"(?!requirements|constraints|CMakeLists\.)[^/]*\.txt"
)
_SETTINGS = re.compile(
    r".*\.(?:ya?ml|toml|ini|cfg|json|properties|conf|env)"
    r"|(?:.*/)?(?:requirements|constraints)[^/]*(?:/.*)?\.txt"
)
_CODE = re.compile(
    r".*\.(?:py|pyi|pyx|[cm]?jsx?|[cm]?tsx?|vue|svelte|go|rs|java|kt|kts|scala|rb|php|cs"
    r"|fs|swift|m|mm|c|h|cc|cpp|cxx|hpp|hh|zig|nim|dart|ex|exs|erl|hs|ml|clj|lua|pl|r|jl"
    r"|sh|bash|ps1|sql|tf|proto)"
    r"|(?:.*/)?(?:Makefile|Dockerfile|CMakeLists\.txt)"
)
_IN_ORDER = (
    (_RIGHTS, Kind.RIGHTS),
    (_GENERATED, Kind.GENERATED),
    (_TESTS, Kind.TESTS),
    (_DOCS, Kind.DOCS),
    (_CODE, Kind.CODE),
    (_SETTINGS, Kind.SETTINGS),
)


def kind_of(path: str) -> Kind:
    """Return what a file is; what no name tells is something else."""
    if path.rpartition("/")[2] in _LOCKS:
        return Kind.LOCKS
    found = (kind for pattern, kind in _IN_ORDER if pattern.fullmatch(path))
    return next(found, Kind.OTHER)
