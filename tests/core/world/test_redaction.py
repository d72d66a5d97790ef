import base64
import cProfile
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.world.redaction import REDACTED, Secrets, hide_lookalikes
from tests.github.server import private_key

SECRET = "a webhook's secret"  # noqa: S105 - of tests


def hide(text: str, secrets: Sequence[str]) -> str:
    """Hide what is known from the start: a text is held to all of it."""
    return Secrets(secrets).hide(text)


@pytest.mark.parametrize(
    "secret",
    [
        "ghs_" + "a" * 36,
        "ghs_eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
        "ghp_" + "B" * 36,
        "github_pat_11ABCDEFG0123456789_abcdefgh",
        "sk-ant-api03-0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_hidden(secret: str):
    assert hide_lookalikes(f"using {secret}, ok") == f"using {REDACTED}, ok"


def test_a_key_that_is_cut_off_is_hidden_to_the_end():
    assert hide_lookalikes("-----BEGIN PRIVATE KEY-----\nMIIE\nx") == REDACTED


def test_credentials_in_an_address_and_a_header_are_hidden():
    assert hide_lookalikes("https://me:hunter22@host/x") == (
        f"https://{REDACTED}@host/x"
    )
    assert hide_lookalikes('{"a": "Authorization: Bearer abc"}') == (
        f'{{"a": "Authorization: {REDACTED}"}}'
    )


def test_ordinary_words_stay():
    text = "ghost_town ghe_host_settings sk-1 eyJ.x 0123456789abcdef0123456789abcdef"
    assert hide(text, [SECRET, private_key(), "abc"]) == text


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "user:"])
@pytest.mark.parametrize("after", ["", "\n", "!", " and more"])
@pytest.mark.parametrize(
    "encode", [b64encode, base64.urlsafe_b64encode, lambda raw: raw]
)
def test_a_known_secret_is_hidden_in_any_form(encode, before: str, after: str):
    shown = encode(f"{before}{SECRET}{after}".encode()).decode()
    hidden = hide(f"it is <{shown}> there", [SECRET])
    assert REDACTED in hidden
    assert hidden.startswith("it is <")
    assert SECRET not in hidden
    assert shown[8:-8] not in hidden


def test_each_line_of_a_known_key_is_hidden_wherever_it_stands():
    key = private_key()
    for line in key.splitlines()[1:-1]:
        if len(line) >= 16:
            assert hide(f"3: {line}", [key]) == f"3: {REDACTED}"
            assert line[8:-8] not in hide(line[2:], [key]) or len(line) < 40


def test_a_known_key_is_hidden_on_one_line_and_in_wrapped_base64():
    key = private_key()
    hidden = hide("".join(key.splitlines()[1:-1]), [key])
    assert len(hidden.replace(REDACTED, "")) < 16
    wrapped = base64.encodebytes(key.encode()).decode().splitlines()
    shown = [hide(line, [key]) for line in wrapped[:-1]]
    assert set(shown) == {REDACTED}


def test_a_secret_within_another_leaves_nothing_of_the_longer_one():
    assert hide("the secret-and-more", ["secret", "secret-and-more"]) == (
        f"the {REDACTED}"
    )


@given(st.text(max_size=60), st.text(min_size=6, max_size=20), st.text(max_size=60))
def test_no_text_shows_a_known_secret(before: str, secret: str, after: str):
    hidden = hide(before + secret + after, [secret])
    assert secret not in hidden.replace(REDACTED, "\0") or secret in REDACTED


UNSEEN = [
    "\u200b",
    "\u2060",
    "\xad",
    "\x1b[1m",
    "\x00",
    "\ufe0f",
    "\U000e0041",
    "\x9b0m",
]


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("secret", [SECRET, "ghs_" + "a1B2" * 9, f"x:{SECRET}"])
def test_what_nobody_sees_does_not_part_a_secret(secret: str, unseen: str):
    shown = b64encode(secret.encode()).decode() if ":" in secret else secret
    parted = shown[:9] + unseen + shown[9:]
    assert hide(f"it is <{parted}> there", [SECRET]) == f"it is <{REDACTED}> there"


def test_what_nobody_sees_stays_where_there_is_no_secret():
    text = "\x1b[1mbold\x1b[0m \u200bnothing\ufe0f"
    assert hide(text, [SECRET]) == text


def test_a_secret_is_hidden_as_addresses_have_it():
    assert hide("/x?key=a%20webhook%27s%20secret&y", [SECRET]) == f"/x?key={REDACTED}&y"


def test_a_token_is_hidden_from_when_it_is_made_and_the_newest_of_very_many():
    secrets, token = Secrets([SECRET]), "v1.0123456789abcdef"
    shown = b64encode(f"x-access-token:{token}".encode()).decode()
    assert secrets.hide(f"Basic {shown}") == f"Basic {shown}"
    secrets.learn(token)
    assert secrets.hide(f"Basic {shown}") == f"Basic {REDACTED}"
    assert secrets.hide_inside({"a": [token, SECRET]}) == {"a": [REDACTED, REDACTED]}
    for number in range(5000):
        secrets.learn(f"v1.0123456789-{number:04}")
    assert secrets.hide("v1.0123456789-4999") == REDACTED
    assert secrets.hide("v1.0123456789-0001") == "v1.0123456789-0001"
    assert len(secrets._learned) == 4096


TOKENS = [f"v1.{sha256(bytes([n])).hexdigest()[:40]}%/."[n:] for n in range(4)]


@given(
    st.lists(st.sampled_from(TOKENS)),
    st.sampled_from(TOKENS),
    st.integers(0, 40),
    st.integers(15, 64),
    st.integers(0, 3),
    st.sampled_from(["", " ", "=", "aaaa", "bbbbbbbb", "\u200b"]),
    st.sampled_from(["", " ", "=", "aaaa", "bbbbbbbb", "\u200b"]),
)
def test_a_learned_token_is_hidden_as_one_that_is_known_from_the_start(
    learned: list[str],
    shown: str,
    start: int,
    length: int,
    encoded: int,
    before: str,
    after: str,
):
    secrets = Secrets([SECRET])
    for token in learned:
        secrets.learn(token)
    if encoded:
        shown = b64encode(b"x" * encoded + shown.encode()).decode()
    text = before + shown[start : start + length] + after
    assert secrets.hide(text) == hide(text, [SECRET, *dict.fromkeys(learned)])


@pytest.mark.parametrize("shown", [TOKENS[0], b64encode(TOKENS[0].encode()).decode()])
def test_the_shortest_piece_of_a_learned_token_that_gives_it_away_is_hidden(shown: str):
    secrets = Secrets()
    secrets.learn(TOKENS[0])
    pieces = [shown[n : n + 16] for n in range(4, 24)]
    assert {secrets.hide(f"aaaa{piece}bbbbbbbb") for piece in pieces} == {REDACTED}


def test_of_a_thousand_long_tokens_alike_in_their_beginning_each_is_hidden():
    head = f"ghs_12345_{b64encode(b'the head of all tokens' * 4).decode()}."
    tails = [sha256(bytes([n % 256, n // 256])).hexdigest() * 5 for n in range(1000)]
    secrets = Secrets()
    for tail in tails:
        secrets.learn(head + tail)
    for tail in tails[::99]:
        whole, piece = head + tail, tail[50 : 50 + 64]
        assert (
            secrets.hide(f"x {b64encode(whole.encode()).decode()}") == f"x {REDACTED}"
        )
        assert secrets.hide(f"aaaa{piece}bbbbbbbb") == REDACTED
    assert len(secrets._by_block) < 1000 * 8 * len(head + tails[0]) / 48


def test_a_text_costs_as_much_however_many_tokens_there_are():
    text = f"see https://x.test/{'a/b' * 40}, " * 20
    calls = []
    for count in (10, 2000):
        secrets = Secrets([SECRET])
        for number in range(count):
            secrets.learn(f"ghs_{sha256(b'%d' % number).hexdigest()}")
        with cProfile.Profile() as profile:
            assert secrets.hide(text) == text
        calls.append(sum(one.callcount for one in profile.getstats()))
    assert calls[1] <= 1.1 * calls[0]


def test_a_key_that_is_learned_is_hidden_by_each_of_its_lines():
    secrets, key = Secrets(), private_key()
    secrets.learn(key)
    secrets.learn("short one")
    assert secrets.hide(f"3: {key.splitlines()[3]}") == f"3: {REDACTED}"
    assert secrets.hide("a short one") == f"a {REDACTED}"


@given(
    st.lists(st.text("ab-%", min_size=4, max_size=24), max_size=4),
    st.text("ab-%\u200b", max_size=40),
)
def test_a_text_too_short_for_most_secrets_is_held_to_all_that_it_could_show(
    known: list[str], text: str
):
    assert Secrets(known).hide(text) == hide(text, known)
