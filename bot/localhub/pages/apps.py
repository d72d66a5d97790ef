"""The pages of apps: one is registered from a manifest, and installed."""

from http import HTTPStatus

from aiohttp import web
from yarl import URL

from bot.localhub.accounts import Installation, User
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.pages.frame import SECURITY_HEADERS, Frame, see
from bot.localhub.registrations import LONGEST_NAME, Json


class Apps(Frame):
    """Registering an app, and giving it repositories."""

    async def post_manifest(self, request: web.Request) -> web.StreamResponse:
        """Show what an app would be, for its owner to name and make.

        Such a form comes from any site: nothing is made of it yet.
        """
        form = await request.post()
        text, state = str(form.get("manifest", "")), request.query.get("state", "")
        organization = request.match_info.get("organization", "")
        owner = self._hub.registrations.owner_of(self._login(request), organization)
        try:
            manifest = self._hub.registrations.read(text)
        except GitHubError as error:
            return self._new_app(request, owner, text, state, faults=error)
        return self._new_app(request, owner, text, state, manifest=manifest)

    async def post_app(self, request: web.Request) -> web.StreamResponse:
        """Make the app, and lead to where its code is waited for."""
        form = await request.post()
        text, state = str(form.get("manifest", "")), str(form.get("state", ""))
        login, organization = self._login(request), str(form.get("organization", ""))
        registrations = self._hub.registrations
        owner = registrations.owner_of(login, organization)
        manifest = registrations.read(text)
        name = str(form.get("name", "")).strip()
        fault = registrations.fault_of_name(name, owner)
        if fault:
            return self._new_app(
                request, owner, text, state, manifest={**manifest, "name": name},
                fault=fault,
            )  # fmt: skip
        code = registrations.register(login, manifest, name, owner)
        back = URL(str(manifest["redirect_url"])).update_query(code=code)
        return see(str(back.update_query(state=state) if state else back))

    def _new_app(
        self,
        request: web.Request,
        owner: User,
        text: str,
        state: str,
        *,
        manifest: Json | None = None,
        faults: GitHubError | None = None,
        fault: str = "",
    ) -> web.Response:
        organization = request.match_info.get("organization", "")
        response = self._page(
            request,
            "new_app.html",
            self._first_repository(),
            owner=owner,
            text=text,
            state=state,
            organization=organization
            or ("" if owner.login == self._login(request) else owner.login),
            manifest=manifest or {},
            faults=faults,
            fault=fault,
            longest=LONGEST_NAME,
        )
        if faults is not None or fault:
            response.set_status(HTTPStatus.UNPROCESSABLE_ENTITY)
        # The form is answered by leading back to whoever sent the manifest.
        site = (
            URL(str((manifest or {}).get("redirect_url", ""))).origin()
            if manifest
            else ""
        )
        policy = SECURITY_HEADERS["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = policy.replace(
            "form-action 'self'", f"form-action 'self' {site}".rstrip()
        )
        return response

    async def install(self, request: web.Request) -> web.StreamResponse:
        """Show where the app can be installed, or how it is."""
        accounts = self._accounts(request)
        known = self._installation_of(accounts[0])
        if known is not None and len(accounts) == 1:
            return see(f"/settings/installations/{known.id}")
        return self._page(
            request,
            "install.html",
            self._first_repository(),
            app=self._hub.app,
            accounts=accounts,
            of_account={
                account.login: [
                    repository
                    for repository in self._hub.state.repositories.values()
                    if repository.owner is account
                ]
                for account in accounts
            },
        )

    async def post_install(self, request: web.Request) -> web.StreamResponse:
        """Install the app on an account, for all its repositories or for some."""
        form, accounts = await request.post(), self._accounts(request)
        chosen = [one for one in accounts if one.login == form.get("account")]
        if not chosen:
            raise not_found()
        names = None
        if form.get("target") == "selected":
            names = [str(name) for name in form.getall("repository", [])]
            owned = [name for name in names if name.startswith(f"{chosen[0].login}/")]
            if not names or names != owned:
                raise GitHubError(422, "Choose at least one repository.")
        known = self._installation_of(chosen[0])
        made = known or self._hub.install(chosen[0].login, repositories=names)
        return see(f"/settings/installations/{made.id}")

    async def installation(self, request: web.Request) -> web.StreamResponse:
        """Show an installation to those who could change it."""
        found = self._hub.state.installations.get(int(request.match_info["id"]))
        viewer = self._hub.user(self._login(request))
        if found is None or not self._hub.owns(viewer, found.account):
            raise not_found()
        return self._page(
            request,
            "installation.html",
            self._first_repository(),
            app=self._hub.app,
            installation=found,
            repositories=self._hub.covered(found),
        )

    def _accounts(self, request: web.Request) -> list[User]:
        """Return where the viewer can install the app; 404 if that is nowhere."""
        app, viewer = self._hub.app, self._hub.user(self._login(request))
        if request.match_info["slug"] != app.slug:
            raise not_found()
        users = self._hub.state.users.values()
        own = [user for user in users if self._hub.owns(viewer, user)]
        found = [user for user in own if app.is_public or user is app.owner]
        if not found:
            raise not_found()
        return found

    def _installation_of(self, account: User) -> Installation | None:
        installations = self._hub.state.installations.values()
        return next((one for one in installations if one.account is account), None)
