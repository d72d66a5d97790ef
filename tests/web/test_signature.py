import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.signature import Signatures, digest_of, is_signed
from tests.web.conftest import signature

GOOD = "sha256=" + "0f" * 32


def test_the_form_that_github_writes_is_read():
    assert digest_of([GOOD]) == b"\x0f" * 32


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [GOOD, GOOD],
        [""],
        [GOOD[:-1]],
        [GOOD + "0"],
        [GOOD + "\n"],
        [" " + GOOD],
        [GOOD.upper()],
        [GOOD.replace("256", "1")],
        ["sha256=" + "0F" * 32],
        ["sha256=" + "\N{ARABIC-INDIC DIGIT ZERO}" * 64],
        [GOOD.replace("=", " = ")],
    ],
)
def test_every_other_form_is_not(headers: list[str]):
    assert digest_of(headers) is None


@given(
    st.binary(),
    st.text(min_size=1, alphabet="abc"),
    st.text(min_size=1, alphabet="xyz"),
)
def test_a_body_is_signed_by_its_secret_and_by_no_other(
    body: bytes, one: str, two: str
):
    digest = digest_of([signature(body, one)])
    assert digest is not None
    assert is_signed(body, digest, secrets=[one.encode()])
    assert is_signed(body, digest, secrets=[two.encode(), one.encode()])
    assert not is_signed(body, digest, secrets=[two.encode()])
    assert not is_signed(body + b" ", digest, secrets=[one.encode()])
    assert not is_signed(body, digest, secrets=[])
    for secrets in ([one], [two, one], [two], []):
        made = Signatures([secret.encode() for secret in secrets])
        for start in range(0, len(body), 7):
            made.update(body[start : start + 7])
        assert made.fit(digest) is (one in secrets)
