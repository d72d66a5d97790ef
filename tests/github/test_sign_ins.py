"""The app's web flow for people, against the local GitHub."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from bot.core.world.redaction import Secrets
from bot.errors import Refused, TransientError
from bot.github.client import open_session
from bot.github.sign_ins import GitHubSignIns
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.hub import LocalHub
from bot.localhub.sign_ins import Asked, Astray
from bot.ports.people import Account, Proof
from tests.fakes import FakeClock

CALLBACK = "https://bot.example.com/sign-in/callback"
PROOF = Proof("s" * 43, "v" * 43)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
async def sign_ins(hub: LocalHub, secrets: Secrets) -> AsyncIterator[GitHubSignIns]:
    hub.sign_ins.callback_urls = [CALLBACK]
    async with open_session() as session:
        yield GitHubSignIns(
            session,
            hub.html_url,
            hub.api_url,
            hub.app.client_id,
            hub.sign_ins.client_secret,
            secrets.learn,
        )


def sent_back(
    hub: LocalHub, sign_ins: GitHubSignIns, login: str = "rita", *, is_allowed=True
) -> URL:
    """Return where a person's browser goes once they have decided."""
    asked = dict(URL(sign_ins.address(PROOF, callback=CALLBACK)).query)
    user = hub.state.user(login)
    assert user is not None
    assert isinstance(hub.sign_ins.ask(user, asked), Asked)
    return hub.sign_ins.decide(user, asked, is_allowed=is_allowed)


def code_of(hub: LocalHub, sign_ins: GitHubSignIns) -> str:
    back = sent_back(hub, sign_ins)
    assert back.query["state"] == PROOF.state
    return back.query["code"]


async def refusal(sign_ins: GitHubSignIns, code: str, proof: Proof = PROOF) -> str:
    with pytest.raises(Refused) as caught:
        await sign_ins.account(code, proof, callback=CALLBACK)
    assert caught.value.status == 200  # as GitHub has it
    return str(caught.value)


async def test_github_says_who_it_is_and_gets_the_token_back(
    hub: LocalHub, sign_ins: GitHubSignIns, secrets: Secrets
):
    code = code_of(hub, sign_ins)
    account = await sign_ins.account(code, PROOF, callback=CALLBACK)
    rita = hub.state.user("rita")
    assert rita is not None
    assert account == Account(rita.id, "rita")
    assert hub.sign_ins.tokens == {}
    assert [one[:4] for one in secrets._learned] == ["ghu_", "ghr_"]


async def test_a_code_is_good_once(hub: LocalHub, sign_ins: GitHubSignIns):
    code = code_of(hub, sign_ins)
    await sign_ins.account(code, PROOF, callback=CALLBACK)
    assert "used up or too old" in await refusal(sign_ins, code)


async def test_a_code_is_good_for_ten_minutes(
    hub: LocalHub, hub_clock: FakeClock, sign_ins: GitHubSignIns
):
    code = code_of(hub, sign_ins)
    await hub_clock.advance(601)
    assert "used up or too old" in await refusal(sign_ins, code)


async def test_a_code_is_worth_nothing_in_another_browser(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    code = code_of(hub, sign_ins)
    assert "used up" in await refusal(sign_ins, code, Proof(PROOF.state, "w" * 43))


async def test_another_callback_than_that_of_the_code_is_refused(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    code = code_of(hub, sign_ins)
    with pytest.raises(Refused, match="as a callback of the app"):
        await sign_ins.account(code, PROOF, callback="https://other.example.com/")


async def test_a_wrong_secret_and_no_verified_address_are_said(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    hub.sign_ins.unverified.add("rita")
    assert "verified your e-mail" in await refusal(sign_ins, code_of(hub, sign_ins))
    hub.sign_ins.allowed.clear()
    code = code_of(hub, sign_ins)
    hub.sign_ins.client_secret += "rotated"
    assert "CLIENT_ID and CLIENT_SECRET" in await refusal(sign_ins, code)


async def test_who_denies_it_comes_back_with_an_error(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    back = sent_back(hub, sign_ins, is_allowed=False)
    assert back.query["error"] == "access_denied"
    assert back.query["state"] == PROOF.state
    assert "code" not in back.query


async def test_an_unknown_callback_leads_nowhere(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    rita = hub.state.user("rita")
    assert rita is not None
    for wrong in ("https://evil.example.com/", f"{CALLBACK}/../x", ""):
        asked = URL(sign_ins.address(PROOF, callback=wrong or CALLBACK)).query
        hub.sign_ins.callback_urls = [CALLBACK] if wrong else []
        assert isinstance(hub.sign_ins.ask(rita, asked), Astray)


async def test_whoever_allowed_it_before_is_not_asked_again_unless_suspended(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    sent_back(hub, sign_ins)
    rita = hub.state.user("rita")
    assert rita is not None
    asked = URL(sign_ins.address(PROOF, callback=CALLBACK)).query
    back = hub.sign_ins.ask(rita, asked)
    assert isinstance(back, URL)
    assert "code" in back.query
    hub.sign_ins.is_suspended = True
    back = hub.sign_ins.ask(rita, asked)
    assert isinstance(back, URL)
    assert back.query["error"] == "application_suspended"


@pytest.mark.parametrize(
    "fault",
    [Fault(status=502, path="/user"), Fault(FaultKind.LOST_ANSWER, path="/user")],
    ids=["broken", "lost"],
)
async def test_weather_is_no_refusal_and_leaves_no_token(
    hub: LocalHub, sign_ins: GitHubSignIns, fault: Fault
):
    code = code_of(hub, sign_ins)
    hub.faults.add(fault)
    with pytest.raises(TransientError) as caught:
        await sign_ins.account(code, PROOF, callback=CALLBACK)
    assert not re.search("ghu_|" + code, str(caught.value))
    assert hub.sign_ins.tokens == {}


async def test_a_token_that_cannot_be_given_back_ends_by_itself(
    hub: LocalHub, hub_clock: FakeClock, sign_ins: GitHubSignIns
):
    hub.faults.add(Fault(status=502, path=f"/applications/{hub.app.client_id}/token"))
    await sign_ins.account(code_of(hub, sign_ins), PROOF, callback=CALLBACK)
    [token] = hub.sign_ins.tokens.values()
    assert hub.sign_ins.user_of(token.value) is not None
    await hub_clock.advance(8 * 3600)
    assert hub.sign_ins.user_of(token.value) is None


async def test_tokens_of_installations_are_nobodys(hub: LocalHub):
    installation = next(iter(hub.state.installations.values()))
    token = hub.new_token(installation).value
    async with aiohttp.ClientSession() as session:
        for shown, status in ((token, 403), ("ghu_forged", 401)):
            headers = {"Authorization": f"Bearer {shown}"}
            url = f"{hub.api_url}/user"
            async with session.get(url, headers=headers) as answer:
                assert answer.status == status


async def test_an_unknown_app_and_the_plain_form_of_answers(
    hub: LocalHub, sign_ins: GitHubSignIns
):
    url = f"{hub.html_url}/login/oauth/access_token"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data={"client_id": "other"}) as answer:
            assert (answer.status, await answer.json()) == (404, {"error": "Not Found"})
        sent = {
            "client_id": sign_ins.client_id,
            "client_secret": sign_ins.client_secret,
            "code": "x",
        }
        async with session.post(url, data=sent) as answer:
            assert answer.status == 200
            assert (await answer.text()).startswith("error=bad_verification_code&")
