"""What every file in platforms/ promises; a new file gets these tests by being there."""

import ast
import asyncio
import runpy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from practice_gateway import NOW, HeldNotes, answered

import platforms
from bot.words.connection import Account, Flow, Kind
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, SetupError, TryLater
from bot.words.freight import Ad, TagChange, Touchpoint
from bot.words.interfaces import AdTagger, CostSource, PlatformSettings, TouchpointSink
from platforms import load, open_gateways, read_settings

HOME = Path(__file__).parent.parent
PLATFORMS = load()
FILES = sorted(file.stem for file in (HOME / "platforms").glob("*.py") if not file.stem.startswith("_"))
CAPABILITIES = {Flow.COST: CostSource, Flow.TAGGING: AdTagger, Flow.TOUCHPOINTS: TouchpointSink}

every_platform = pytest.mark.parametrize("key", FILES)


def made(key, **settings):
    return PLATFORMS[key](PLATFORMS[key].Settings(**settings))


# What a platform does only when it is told to; the contract holds then, too.
OPT_IN = {"meta_ads": {"tag_by_recreating": True}}


def test_a_platform_is_found_by_its_file():
    assert list(PLATFORMS) == FILES
    assert all(platform.key == key for key, platform in PLATFORMS.items())
    assert len({platform.name for platform in PLATFORMS.values()}) == len(FILES)


A_NEW_ONE = '''"""Pigeon Ads: an ad platform that somebody has just written."""

from platforms.hubspot import Hubspot


class PigeonAds(Hubspot):
    """Pushes touchpoints by pigeon."""

    name = "Pigeon Ads"
'''


def test_a_new_file_is_a_platform_with_settings_a_gateway_and_a_place_in_the_docs(tmp_path, monkeypatch):
    """Nothing else is edited. The contract above runs on it as soon as it lies in platforms/."""
    (tmp_path / "pigeon_ads.py").write_text(A_NEW_ONE)
    monkeypatch.setattr(platforms, "__path__", [*platforms.__path__, str(tmp_path)])

    assert set(load()) - set(FILES) == {"pigeon_ads"}
    gateway = opened({"pigeon_ads": CLIENT})["pigeon_ads"]
    assert (gateway.platform.key, gateway.platform.name) == ("pigeon_ads", "Pigeon Ads")
    page = runpy.run_path(str(HOME / "scripts" / "_platform_docs.py"))["page"]()
    assert "## Pigeon Ads: [platforms.pigeon_ads]" in page


@every_platform
def test_it_can_do_what_its_flows_say_and_nothing_else(key):
    platform = PLATFORMS[key]
    assert platform.flows
    assert {flow for flow, what in CAPABILITIES.items() if issubclass(platform, what)} == set(platform.flows)
    assert (platform.kind is Kind.CRM) == (Flow.TOUCHPOINTS in platform.flows)


@every_platform
def test_it_is_described_for_its_users_and_so_is_every_setting_of_its_own(key):
    assert PLATFORMS[key].__doc__
    own = {k: v for k, v in PLATFORMS[key].Settings.model_fields.items() if k not in PlatformSettings.model_fields}
    assert [name for name, field in own.items() if not field.description] == []


@every_platform
def test_it_stands_alone(key):
    """A platform imports no other, and neither the HTTP nor the OAuth library."""
    tree = ast.parse((HOME / "platforms" / f"{key}.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {f"platforms.{other}" for other in FILES}
    assert not names & (others | {"httpx2", "authlib", "platforms"})
    assert not {name.split(".")[0] for name in names} & {"storage", "handlers", "sandbox"}


@every_platform
def test_its_addresses_are_https_and_can_all_be_overridden(key):
    urls = {name: f"https://proxy.example/{name}" for name in ("authorize_url", "token_url", "revoke_url", "api_url")}
    oauth, proxied = made(key).oauth, made(key, **urls)
    for url in (oauth.authorize_url, oauth.token_url):
        assert url.startswith("https://")
    assert oauth.revoke_url.startswith("https://") or not oauth.revoke_url
    assert proxied.oauth.authorize_url == urls["authorize_url"]
    assert proxied.oauth.token_url == urls["token_url"]
    assert proxied.oauth.revoke_url == urls["revoke_url"]
    assert proxied.base_url({"instance_url": "https://evil.example"}) == urls["api_url"]


@every_platform
def test_its_consent_parameters_do_not_overwrite_ours(key):
    ours = {"state", "redirect_uri", "client_id", "scope", "response_type", "code_challenge", "login_hint"}
    assert made(key).oauth.scopes
    assert not ours & set(made(key).oauth.authorize_params)


@every_platform
def test_every_flow_names_the_permissions_it_needs_and_they_are_asked_for(key):
    platform = made(key, **OPT_IN.get(key, {}))
    asked = {*platform.oauth.scopes, *platform.oauth.authorize_params.get("optional_scope", "").split()}
    assert set(platform.needs) == set(platform.flows)
    for needed in platform.needs.values():
        assert needed
        assert set(needed) <= asked


ODD_BODIES = {
    "html": b"<!doctype html><h1>502</h1>",
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "lists": b"[[[]]]",
    "a number": b"7",
    "text": b'"invalid_grant"',
    "an empty error": b'{"error":{}}',
    "a listed error": b'{"error":["invalid_grant"]}',
    "a deep list": b"[" * 100_000,
    "invalid utf-8": b'{"error":"\xff"}',
}


@every_platform
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418])
@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_garbage_at_the_token_endpoint_is_no_verdict(key, status, body):
    assert isinstance(made(key).read_refusal(answered(status, body)), TryLater)


@every_platform
@pytest.mark.parametrize("code", ["temporarily_unavailable", "server_error", "slow_down", "made_up", 190, None])
def test_an_error_nobody_knows_at_the_token_endpoint_is_no_verdict(key, code):
    assert isinstance(made(key).read_refusal(answered(400, {"error": code})), TryLater)


@every_platform
def test_a_dead_grant_is_a_loss_and_a_wrong_client_is_the_operator_s(key):
    lost = made(key).read_refusal(answered(400, {"error": "invalid_grant", "error_description": "x"}))
    wrong = made(key).read_refusal(answered(401, {"error": "invalid_client"}))
    assert isinstance(lost, AuthorizationLost)
    assert isinstance(wrong, Misconfigured)
    for error in (lost, wrong):
        assert error.cause.words.endswith(".")
        assert error.cause.cure.endswith(".")


@every_platform
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_trouble_at_the_api_is_no_verdict(key, status, body):
    assert isinstance(made(key).read_error(answered(status, body)), TryLater)


KEYS = """error errors details errorCode code message status results customerClient sub id organization_id records done
resourceNames segments metrics reason location fieldPathElements index partialFailureError success changeStatus adGroupAd
ad campaign nextPageToken fields name jobs state""".split()  # noqa: SIM905 - a list of these would be a page long
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
quick = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@every_platform
@quick
@given(body=anything, status=st.sampled_from([400, 401, 403, 404, 409, 429, 500]))
def test_any_error_can_be_read(key, body, status):
    platform = made(key)
    assert isinstance(platform.read_error(answered(status, body)), RedkeyError)
    assert isinstance(platform.read_refusal(answered(status, body)), RedkeyError)


def everything_it_does(platform, fetch):
    """Every call a platform makes, as (name, coroutine function)."""
    account = Account("1234567890", "A", "EUR", "Europe/Berlin")
    touchpoints = [Touchpoint("t1", NOW, "", "touchpoint", {}), Touchpoint("t2", NOW, "", "touchpoint", {})]
    change = TagChange(Ad("7", "", ()), "", "utm_source=x")

    async def drain(pages):
        return [page async for page in pages]

    yield lambda: platform.identify(fetch)
    yield lambda: platform.accounts(fetch)
    yield lambda: platform.probe(fetch, account)
    if isinstance(platform, CostSource):
        yield lambda: drain(platform.cost(fetch, account, date(2026, 11, 1), date(2026, 11, 2)))
        yield lambda: platform.cost_totals(fetch, account, date(2026, 11, 1), date(2026, 11, 2))
    if isinstance(platform, AdTagger):
        yield lambda: drain(platform.ads(fetch, account, None))
        yield lambda: drain(platform.ads(fetch, account, datetime.now(UTC)))
        yield lambda: platform.tag(fetch, account, [change])
    if isinstance(platform, TouchpointSink):
        yield lambda: platform.push(fetch, account, touchpoints, HeldNotes())
        yield lambda: platform.find(fetch, account, touchpoints)


@every_platform
@quick
@given(body=anything)
def test_any_answer_of_the_api_is_taken_or_called_garbage(key, body):
    """No shape an API may answer with gets further than the platform: it is understood, or it is TryLater."""

    async def fetch(*_, **__):
        return answered(200, body)

    async def run():
        for call in everything_it_does(made(key, **OPT_IN.get(key, {})), fetch):
            try:
                await call()
            except RedkeyError as error:
                assert isinstance(error, TryLater | AccessDenied)  # noqa: PT017

    asyncio.run(run())


@every_platform
@pytest.mark.parametrize("error", [TryLater("later"), made("google_ads").read_refusal(answered(401, b"{}"))])
async def test_trouble_is_passed_on_and_never_swallowed(key, error):
    async def fetch(*_, **__):
        raise error

    for call in everything_it_does(made(key, **OPT_IN.get(key, {})), fetch):
        with pytest.raises(TryLater):
            await call()


def opened(sections):
    return open_gateways(sections, timeout=timedelta(seconds=1), now=lambda: NOW)


CLIENT = {"client_id": "id", "client_secret": "canary-secret"}


def test_only_platforms_with_a_client_id_are_on():
    assert set(opened({"google_ads": CLIENT, "salesforce": {"batch_size": 100}})) == {"google_ads"}


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"gogle_ads": {}}, ["platforms.gogle_ads", "google_ads", "salesforce"]),
        ({"google_ads": {"clientid": "x"}}, ["platforms.google_ads.clientid", "client_id", "token_url"]),
        ({"google_ads": "on"}, ["[platforms.google_ads]"]),
        ({"google_ads": {"client_id": "x"}}, ["platforms.google_ads.client_secret", "missing"]),
        ({"google_ads": {"autotagging": "perhaps"}}, ["platforms.google_ads.autotagging", "boolean"]),
        ({"google_ads": {"client_secret": ["canary-secret"]}}, ["platforms.google_ads.client_secret", "string"]),
        ({"google_ads": {"version": "26"}}, ["platforms.google_ads.version"]),
        ({"google_ads": {"utm": "?a=b"}}, ["platforms.google_ads.utm"]),
        ({"salesforce": {"batch_size": 500}}, ["platforms.salesforce.batch_size", "200"]),
        ({"salesforce": {"object": "a b"}}, ["platforms.salesforce.object"]),
        ({"salesforce": {"fields": "{"}}, ["platforms.salesforce.fields"]),
    ],
    ids=lambda value: None if isinstance(value, list) else "-".join(value),
)
def test_a_wrong_setting_is_named_with_what_was_expected(sections, words):
    with pytest.raises(SetupError) as caught:
        opened(sections)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:8/x", "https://any.example"]
)
def test_https_is_allowed_anywhere_and_http_on_this_machine(url):
    read_settings({"google_ads": {"token_url": url}, "salesforce": {"login_url": url}})


@pytest.mark.parametrize(
    "url",
    [
        "http://redkey.example",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://2130706433",
        "https://user@host.example",
        "https://",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "oauth2.googleapis.com/token",
        "https://[::1",
        "https://host.example:99999",
        "https://host.example/#x",
        "https://host.example/ x",
    ],
)
@pytest.mark.parametrize("key", ["token_url", "api_url", "userinfo_url"])
def test_other_addresses_are_refused_by_name(key, url):
    with pytest.raises(SetupError, match=f"platforms.google_ads.{key}"):
        read_settings({"google_ads": {key: url}})


def test_settings_may_come_as_text_from_the_environment():
    read = read_settings(
        {
            "google_ads": {"autotagging": "false", "restate_days": "7", "domains": "a.example,b.example"},
            "salesforce": {"batch_size": "50", "fields": '{"medium": "bizible2__Medium__c"}'},
        }
    )
    assert (read["google_ads"].autotagging, read["google_ads"].restate_days) == (False, 7)
    assert read["google_ads"].domains == ("a.example", "b.example")
    assert (read["salesforce"].batch_size, read["salesforce"].fields) == (50, {"medium": "bizible2__Medium__c"})


def test_the_page_about_platforms_is_current():
    """After a change: scripts/docs."""
    page = runpy.run_path(str(HOME / "scripts" / "_platform_docs.py"))["page"]()
    assert (HOME / "docs" / "platforms.md").read_text(encoding="utf-8") == page
