"""The edge: safe headers on every answer, bounded bodies, nothing from other sites, nothing from the Host header."""

import pytest
from practice_web import KEY, website

from bot.words.errors import TryLater

MIB = 1024 * 1024
EVERYWHERE = [
    ("GET", "/reauthorize/out_1", 200),
    ("HEAD", "/reauthorize/out_1", 200),
    ("GET", "/reauthorize/unknown", 404),
    ("POST", "/reauthorize/out_1", 303),
    ("PUT", "/reauthorize/out_1", 405),
    ("GET", "/connect/lnk_1", 200),
    ("HEAD", "/connect/lnk_1", 200),
    ("GET", "/connect/unknown", 404),
    ("POST", "/connect/lnk_1/accounts", 415),
    ("GET", "/oauth/callback/google_ads", 400),
    ("HEAD", "/oauth/callback/google_ads", 405),
    ("GET", "/oauth/callback/unknown", 404),
    ("GET", "/connections", 200),
    ("HEAD", "/connections", 200),
    ("GET", "/connections/", 404),
    ("GET", "/", 303),
    ("GET", "/favicon.ico", 303),
    ("GET", "/docs", 404),
    ("GET", "/openapi.json", 404),
    ("GET", "/static/nothing.css", 404),
    ("GET", "/api/v1/connections", 401),
    ("GET", "/api/v1/unknown", 404),
    ("DELETE", "/api/v1/touchpoints", 405),
    ("GET", "/healthz", 200),
    ("HEAD", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/slack/events", 404),
    ("GET", "/%00/%ff/..%2f", 404),
    ("GET", "/reauthorize/%00", 404),
]


def assert_safe(answer):
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_every_answer_carries_the_safe_headers():
    async with website() as site:
        for method, path, status in EVERYWHERE:
            answer = await site.client.request(method, path)

            assert answer.status_code == status, (method, path)
            assert_safe(answer)
            if method == "HEAD":
                assert answer.content == b""


async def test_an_error_of_ours_carries_them_too_and_tells_no_insides():
    async with website() as site:
        site.door.breaks = RuntimeError("secret inside")
        answer = await site.client.get("/reauthorize/out_1")

        assert answer.status_code == 500
        assert_safe(answer)
        assert "secret" not in answer.text
        assert "/connections" in answer.text


async def test_a_platform_that_does_not_answer_is_a_page_with_a_way_back():
    async with website() as site:
        site.door.breaks = TryLater("time-out")
        answer = await site.client.post("/reauthorize/out_1")

        assert answer.status_code == 503
        assert_safe(answer)
        assert 'href="/reauthorize/out_1"' in answer.text


async def test_static_files_may_be_kept_and_pages_load_nothing_else():
    async with website() as site:
        page = (await site.client.get("/reauthorize/out_1")).text
        for name in ("redkey.css", "redkey.js", "icon.svg"):
            answer = await site.client.get(f"/static/{name}")
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=86400"
            assert f'"/static/{name}?v=' in page
        assert "http://" not in page
        assert "https://" not in page
        assert "style=" not in page
        assert "<style" not in page
        assert "onclick" not in page


@pytest.mark.parametrize(
    ("path", "size", "kind"),
    [
        ("/api/v1/touchpoints", 16 * MIB + 1, "application/json"),
        ("/connect/lnk_1/accounts", 65 * 1024, "application/x-www-form-urlencoded"),
        ("/reauthorize/out_1", 65 * 1024, "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_too_big_is_refused(path, size, kind):
    async with website() as site:
        answer = await site.client.post(
            path, content=b" " * size, headers={"Content-Type": kind, "Authorization": f"Bearer {KEY}"}
        )

        assert answer.status_code == 413
        assert_safe(answer)
        assert site.door.changes == 0


@pytest.mark.parametrize("path", ["/api/v1/touchpoints", "/connect/lnk_1/accounts"])
async def test_a_chunked_body_is_counted_while_it_comes(path):
    async def endless():
        for _ in range(17 * 16):
            yield b" " * (MIB // 16)

    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    if path.startswith("/connect"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with website() as site:
        answer = await site.client.post(path, content=endless(), headers=headers)

        assert answer.status_code == 413
        assert_safe(answer)


async def test_a_large_batch_within_the_limit_is_read():
    body = b"[" + b" " * (15 * MIB) + b"]"
    async with website() as site:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        answer = await site.client.post("/api/v1/touchpoints", content=body, headers=headers)

        assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/reauthorize/out_1", "/connect/lnk_1", "/connect/lnk_1/accounts"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8081"},
    ],
)
async def test_a_post_from_another_site_is_refused(path, headers):
    async with website() as site:
        answer = await site.client.post(path, headers=headers)

        assert answer.status_code == 403
        assert_safe(answer)
        assert site.door.changes == 0


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://127.0.0.1:8080"}, {"Origin": "null"}],
)
async def test_a_post_from_our_own_page_is_carried_out(headers):
    """A browser says "null" for our own pages, because they send no referrer."""
    async with website() as site:
        answer = await site.client.post("/reauthorize/out_1", headers=headers)

        assert answer.status_code == 303


async def test_the_host_header_makes_no_link():
    async with website() as site:
        spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        for path in ("/", "/connections", "/connections/", "/reauthorize/out_1", "/nothing"):
            answer = await site.client.get(path, headers=spoofed)
            assert "evil" not in answer.text + str(answer.headers)


async def test_links_keep_the_path_of_the_public_url():
    async with website(public_url="https://tools.example.com/redkey") as site:
        page = (await site.client.get("/reauthorize/out_1")).text

        assert 'href="/redkey/static/redkey.css' in page
        assert 'action="/redkey/reauthorize/out_1"' in page


async def test_a_form_may_lead_where_a_login_leads_and_a_page_without_one_only_to_us():
    async with website() as site:
        start = await site.client.get("/reauthorize/out_1")
        other = await site.client.get("/connections")

        assert "form-action 'self' https: http://127.0.0.1:9;" in start.headers["content-security-policy"]
        assert "form-action 'self';" in other.headers["content-security-policy"]


async def test_slack_requests_reach_their_handler_when_there_is_one():
    async def handler(request):
        from starlette.responses import PlainTextResponse

        return PlainTextResponse((await request.body()).decode())

    async with website(slack_http=handler) as site:
        answer = await site.client.post(
            "/slack/events", content=b"x" * 100_000, headers={"Origin": "https://a.example"}
        )

        assert (answer.status_code, len(answer.text)) == (200, 100_000)
        assert_safe(answer)
