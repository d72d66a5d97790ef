"""The way of every API request: faults, credentials, limits, endpoint, log."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web

from bot.localhub.accounts import User
from bot.localhub.api_log import Exchange
from bot.localhub.errors import GitHubError, archived, forbidden, moved, not_found
from bot.localhub.faults import Fault, FaultKind, spoiled
from bot.localhub.graphql.answer import answer as answer_query
from bot.localhub.hub import LocalHub, Token
from bot.localhub.rest import (
    actions,
    app,
    checks,
    comments,
    git,
    git_data,
    issues,
    people,
    pulls,
    repositories,
    reviewers,
    reviews,
    rules,
    search,
    statuses,
)
from bot.localhub.rest.routing import Answer, Call, Route, Who
from bot.localhub.state import Repository

Sleep = Callable[[float], Awaitable[None]]

REST = "/api/v3"
GRAPHQL = ("/api/graphql", "/api/v3/graphql")
MEDIA_TYPE = "github.v3; format=json"
SLASHED = ("path", "ref", "branch", "basehead", "name")
"""Parts of a path that may contain slashes."""
LONGEST_JWT_SECONDS = 600
CLOCK_DRIFT_SECONDS = 60
MISSING_PATHS = {
    "pins": re.compile(r"/pin$"),
    "dependencies": re.compile(r"/dependencies/"),
    "sub-issues": re.compile(r"/sub_issues?$|/parent$"),
    "rules of bases": re.compile(r"/rules/branches/"),
}
"""What a server lacks that lacks a feature, see ``LocalHub.lacks``."""
GRAPHQL_ROUTE = Route(
    "POST", "/graphql", answer_query, Who.INSTALLATION, resource="graphql"
)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request before anything is known of it."""

    method: str
    path: str  # without the API's base
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    arguments: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the body; raises 400 for what is no JSON."""
        try:
            return json.loads(self.content) if self.content.strip() else None
        except ValueError as error:
            raise GitHubError(400, "Problems parsing JSON") from error


class Api:
    """Serves the REST and GraphQL APIs of one hub."""

    def __init__(self, hub: LocalHub, *, sleep: Sleep) -> None:
        self._hub = hub
        self._sleep = sleep

    def add_to(self, application: web.Application) -> None:
        """Mount the endpoints."""
        for route in all_routes():
            self._add(application, route, REST + route.template)
            if route.template.startswith("/repos/{owner}/{repo}"):
                rest = route.template.removeprefix("/repos/{owner}/{repo}")
                path = f"{REST}/repositories/{{repository_id}}{rest}"
                self._add(application, route, path)
        for path in GRAPHQL:
            self._add(application, GRAPHQL_ROUTE, path)
        actions.add_logs(application, self._hub)
        self._add(
            application, Route("*", "", _nothing, Who.ANYBODY), f"{REST}/{{tail:.*}}"
        )

    def _add(self, application: web.Application, route: Route, path: str) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, route)

        pattern = re.sub(
            r"\{(" + "|".join(SLASHED) + r")\}", lambda m: f"{{{m[1]}:.*}}", path
        )
        application.router.add_route(route.method, pattern, handle)

    async def _serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        asked = _Request(
            request.method,
            request.path.removeprefix(REST).replace("/api/graphql", "/graphql"),
            f"{self._hub.html_url}{request.rel_url.raw_path}",
            dict(request.query),
            request.headers,
            request.match_info,
            await request.read(),
        )
        fault = self._hub.faults.take(asked.method, asked.path)
        if fault is None:
            return self._respond(asked, route, *await self._answer(asked, route, None))
        if fault.is_before:
            answer = Answer({"message": fault.message}, fault.status, fault.headers)
            response = self._respond(asked, route, 0, answer, is_fault=True)
            return await spoiled(fault, request, response)
        client, answer = await self._answer(asked, route, fault)
        if fault.kind is FaultKind.SILENCE:
            await self._sleep(fault.delay_seconds)
        if fault.kind is FaultKind.LOST_ANSWER:
            self._log(asked, route, client, replace(answer, status=0))
            return await spoiled(fault, request, web.Response(status=502))
        response = self._respond(asked, route, client, answer)
        return await spoiled(fault, request, response)

    async def _answer(
        self, asked: _Request, route: Route, fault: Fault | None
    ) -> tuple[int, Answer]:
        """Return the client (0: the app, or nobody) and the answer, errors included."""
        hub, client = self._hub, 0
        try:
            user = None
            if route.who is Who.USER:
                token, user = None, self._person(asked.headers)
                client = user.id
            else:
                token = self._authenticate(asked.headers, route.who)
                client = token.installation.id if token is not None else 0
            if fault is not None and fault.kind is FaultKind.SECONDARY_LIMIT:
                raise hub.limits.refusal()
            if route.template != "/rate_limit":
                hub.limits.require_left(client, route.resource)
            hub.limits.begin(
                client,
                is_write=asked.method != "GET" and route.resource == "core",
                makes_content=route.makes_content,
            )
        except GitHubError as error:
            return client, _refused(error, route)
        try:
            if fault is not None and fault.kind is FaultKind.DELAY:
                await self._sleep(fault.delay_seconds)
            answer = route.handler(self._call(asked, route, token, user))
        except GitHubError as error:
            answer = _refused(error, route)
        finally:
            hub.limits.end(client)
        answer = _with_etag(asked, answer)
        if answer.status != 304:
            hub.limits.charge(client, route.resource, answer.points)
        return client, answer

    def _call(
        self, asked: _Request, route: Route, token: Token | None, user: User | None
    ) -> Call:
        body = asked.json()
        if body is not None and not isinstance(body, dict):
            raise GitHubError(400, "Body should be a JSON object")
        for feature in self._hub.lacks:
            missing = MISSING_PATHS.get(feature)
            if missing is not None and missing.search(route.template):
                raise not_found()
        found = self._repository(asked, token)
        if found is not None and token is not None:
            self._require_access(found, route, token, asked)
        return Call(
            self._hub, asked.url, asked.arguments, asked.query, body or {}, token,
            found, user,
        )  # fmt: skip

    def _repository(self, asked: _Request, token: Token | None) -> Repository | None:
        """Return the repository in the path; raises 404, and 301 for a former name."""
        state, arguments = self._hub.state, asked.arguments
        if "repository_id" in arguments:
            text = arguments["repository_id"]
            found = state.repositories.get(int(text) if text.isdecimal() else 0)
            if found is None:
                raise not_found()
            return found
        if "owner" not in arguments:
            return None
        name = f"{arguments['owner']}/{arguments['repo']}"
        found = state.repository(name)
        if found is None:
            renamed = state.renamed(name)
            if renamed is None or (token and not self._hub.sees(token, renamed)):
                raise not_found()
            rest = asked.url.partition(f"/repos/{name}")[2]
            query = f"?{urlencode(asked.query)}" if asked.query else ""
            base = f"{self._hub.api_url}/repositories/{renamed.id}"
            target = base + rest + query
            raise moved(target)
        return found

    def _require_access(
        self, repository: Repository, route: Route, token: Token, asked: "_Request"
    ) -> None:
        method = asked.method
        if not self._hub.sees(token, repository):
            raise not_found()
        if not self._hub.reaches(token, repository):
            if method != "GET" or "/collaborators/" in route.template:
                raise forbidden()
            return
        if method != "GET" and repository.is_archived:
            raise archived()
        permissions = route.permissions
        number = asked.arguments.get("issue_number", "")
        thread = repository.threads.get(int(number)) if number.isdecimal() else None
        if thread is not None and thread.pull is None and "issues" in permissions:
            permissions = ("issues",)  # pull_requests is for pull requests alone
        if permissions and not any(token.allows(p, route.level) for p in permissions):
            needed = " or ".join(f"{p}={route.level}" for p in route.permissions)
            error = forbidden()
            error.headers["x-accepted-github-permissions"] = needed
            raise error

    def _person(self, headers: Mapping[str, str]) -> User:
        """Return for whom the token of a request speaks; raises 401 and 403."""
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not value:
            raise GitHubError(401, "Requires authentication")
        user = self._hub.sign_ins.user_of(value)
        if user is not None:
            return user
        self._authenticate(headers, Who.INSTALLATION)
        raise forbidden()  # an installation is nobody

    def _authenticate(self, headers: Mapping[str, str], who: Who) -> Token | None:
        """Return the token of the request; None for the app and for anybody."""
        if who is Who.CLIENT:
            if not self._hub.sign_ins.is_client(headers.get("Authorization", "")):
                raise not_found()
            return None
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not value:
            if who is Who.ANYBODY:
                return None
            raise GitHubError(401, "Requires authentication")
        if value.count(".") == 2:
            self._check_jwt(value)
            if who is Who.INSTALLATION:
                raise GitHubError(401, "Bad credentials")
            return None
        token = self.token(value)
        if who is Who.APP:
            raise GitHubError(401, "A JSON web token could not be decoded")
        return token

    def token(self, value: str) -> Token:
        """Return the installation token of that value; raises 401 and 403."""
        token = self._hub.tokens.get(value)
        if (
            token is None
            or self._hub.now() < token.known_at
            or token.expires_at <= self._hub.now()
            or token.installation.id not in self._hub.state.installations
        ):
            raise GitHubError(401, "Bad credentials")
        if token.installation.suspended_at is not None:
            raise GitHubError(403, "This installation has been suspended")
        return token

    def _check_jwt(self, value: str) -> None:
        application = self._hub.app
        try:
            claims = jwt.decode(
                value,
                application.public_key,
                algorithms=["RS256"],
                options={
                    "verify_exp": False, "verify_iat": False, "verify_nbf": False,
                    "require": ["exp", "iat", "iss"],
                },
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            message = "A JSON web token could not be decoded"
            raise GitHubError(401, message) from error
        now = self._hub.now().timestamp()
        if claims["iss"] not in (str(application.id), application.client_id):
            raise GitHubError(401, "Integration not found")
        if claims["exp"] <= now:
            message = (
                "'Expiration time' claim ('exp') must be a numeric value representing "
                "the future time at which the assertion expires"
            )
            raise GitHubError(401, message)
        if claims["exp"] > now + LONGEST_JWT_SECONDS + CLOCK_DRIFT_SECONDS:
            message = "'Expiration time' claim ('exp') is too far in the future"
            raise GitHubError(401, message)
        if claims["iat"] > now + CLOCK_DRIFT_SECONDS:
            message = (
                "'Issued at' claim ('iat') must be an Integer representing the time "
                "that the assertion was issued"
            )
            raise GitHubError(401, message)

    def _respond(
        self,
        asked: _Request,
        route: Route,
        client: int,
        answer: Answer,
        *,
        is_fault: bool = False,
    ) -> web.Response:
        headers = {
            "X-GitHub-Media-Type": MEDIA_TYPE,
            "X-GitHub-Request-Id": f"{self._hub.state.next_id():X}",
            **self._hub.limits.headers(client, route.resource),
            **answer.headers,
        }
        answer = replace(answer, headers=headers)
        self._log(asked, route, client, answer, is_fault=is_fault)
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    def _log(
        self,
        asked: _Request,
        route: Route,
        client: int,
        answer: Answer,
        *,
        is_fault: bool = False,
    ) -> None:
        try:
            body = asked.json()
        except GitHubError:
            body = asked.content.decode(errors="replace")
        self._hub.log.add(
            Exchange(
                self._hub.now(),
                client,
                asked.method,
                asked.path,
                asked.query,
                route.template or None,
                {k: v for k, v in asked.headers.items() if k != "Authorization"},
                body,
                answer.status,
                answer.headers,
                answer.body,
                is_fault,
            )
        )


def all_routes() -> list[Route]:
    """Return all REST endpoints, those with more fixed parts first."""
    modules = (
        app,
        people,
        repositories,
        issues,
        comments,
        pulls,
        reviewers,
        reviews,
        git,
        git_data,
        rules,
        checks,
        statuses,
        actions,
        search,
    )
    routes = [route for module in modules for route in module.routes.routes]
    return sorted(routes, key=lambda r: -len(re.sub(r"\{\w+\}", "", r.template)))


def _nothing(_call: Call) -> Answer:
    raise not_found()


def _refused(error: GitHubError, route: Route) -> Answer:
    if route.resource == "graphql" and "rate limit exceeded" in error.message:
        # GraphQL answers 200 when the hour's points are used up.
        entry = {"type": "RATE_LIMITED", "message": error.message}
        return Answer({"errors": [entry]}, points=0)
    return Answer(error.body(), error.status, error.headers)


def _with_etag(asked: _Request, answer: Answer) -> Answer:
    if asked.method != "GET" or answer.status != 200:
        return answer
    digest = hashlib.sha256(json.dumps(answer.body).encode()).hexdigest()
    headers = {**answer.headers, "ETag": f'W/"{digest}"'}
    known = asked.headers.get("If-None-Match", "")
    if digest in known:
        return Answer(None, 304, headers)
    return replace(answer, headers=headers)
