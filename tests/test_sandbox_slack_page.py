"""The page people click: what it shows, what its addresses do, and that nothing said can break out of it."""

from datetime import UTC, datetime

import httpx2
import pytest
import pytest_asyncio
from practice_slack import bolt, client, connected, practice

from sandbox.levers import Lever
from sandbox.slack import ANNA, MARKETING
from sandbox.slack.dates import told
from sandbox.slack.mrkdwn import mrkdwn_html, plain_html
from sandbox.slack.state import WorkspaceState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def slack():
    async with practice() as workspace:
        yield workspace


@pytest_asyncio.fixture
async def browser(slack):
    async with httpx2.AsyncClient(base_url=slack.state.page_url, verify=False) as http:
        yield http


def button(**more):
    return {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"} | more


def html(text, **how):
    return str(mrkdwn_html(text, WorkspaceState(), zone=UTC, now=NOON, **how))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*bold* _it_ ~gone~ `co*d*e`", "<strong>bold</strong> <em>it</em> <s>gone</s> <code>co*d*e</code>"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;"),
        ("&amp;lt;", "&amp;lt;"),
        ("one\n&gt; two\n&gt; three", "one<blockquote>two<br>three</blockquote>"),
        ("```a\nb```", "<pre>a\nb</pre>"),
        ("<@U0ANNA000> <#C0REDKEY00> <!here>", None),
        (":key: :nonesuch:", "🔑 :nonesuch:"),
        ("<!date^1795435200^{date_short_pretty} at {time}|x>", None),
        ("<!date^bad^{date}|a &lt; b>", "a &lt; b"),
    ],
)
def test_markup_becomes_html(text, shown):
    assert shown is None or html(text) == shown


def test_mentions_and_dates_are_named():
    assert ">@Anna Berg</span>" in html("<@U0ANNA000>")
    assert ">#marketing-data</span>" in html("<#C0REDKEY00>")
    assert ">@marketing</span>" in html("<!subteam^S0MARKETIN>")
    at = int(datetime(2026, 11, 22, 9, 5, tzinfo=UTC).timestamp())
    assert ">yesterday at 9:05 AM</time>" in html(f"since <!date^{at}^{{date_short_pretty}} at {{time}}|x>")
    assert ">Yesterday</time>" in html(f"<!date^{at}^{{date_short_pretty}}|x>")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<javascript:alert(1)|x>",
        '<https://a.example/"onmouseover="x|y>',
        "<https://a.example|<img src=x onerror=y>>",
        "&lt;img src=x onerror=y&gt;",
        "\ue0000\ue001\ue00099\ue001",
        '<!date^1^{date}^javascript:x|"><script>>',
    ],
)
def test_nothing_said_can_become_a_tag_of_its_own(text):
    for shown in (html(text), str(plain_html(text))):
        assert "<script" not in shown
        assert "<img" not in shown
        assert 'href="javascript' not in shown
        assert '"onmouseover' not in shown


def test_bare_addresses_become_links_unless_verbatim_or_broken():
    assert 'href="https://evil.example/x"' in html("see https://evil.example/x")
    assert 'href="https://evil.com"' in html("Acme evil.com")
    assert "<a" not in html("Acme evil.com https://evil.example", verbatim=True)
    assert "<a" not in html("evil\u200b.com")
    assert "<a" not in str(plain_html("https://evil.example"))


async def test_the_page_shows_messages_buttons_and_levers_without_inline_code(slack, browser):
    async def pull():
        return "Done."

    slack.levers = [Lever("google_ads.revoke", "Revoke the login", pull, "Google Ads")]
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "<script>*hi*"}},
        {"type": "actions", "elements": [button(url="https://redkey.example/r/1")]},
    ]
    attachments = [{"color": "#D92D20", "blocks": [{"type": "image", "image_url": "https://x/y", "alt_text": "A key"}]}]
    await client(slack).chat_postMessage(channel=MARKETING, text="x", blocks=blocks, attachments=attachments)
    page = await browser.get("/")
    assert "&lt;script&gt;<strong>hi</strong>" in page.text
    assert 'href="https://redkey.example/r/1" target="_blank" rel="noopener noreferrer"' in page.text
    assert 'fill="#D92D20"' in page.text
    assert "A key" in page.text
    assert "Revoke the login" in page.text
    assert "style=" not in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    for name in ("page.css", "blocks.css", "page.js", "icon.svg"):
        assert (await browser.get(f"/static/{name}")).status_code == 200


async def test_a_script_can_do_what_a_person_does(slack, browser):
    app = bolt(slack)

    @app.action("go")
    async def clicked(ack, respond):
        await ack()
        await respond("thanks", replace_original=False)

    @app.command("/redkey")
    async def command(ack, command):
        await ack(f"{command['text']}!")

    async with connected(slack, app):
        blocks = [{"type": "actions", "elements": [button(url="https://redkey.example/r/1")]}]
        ts = (await client(slack).chat_postMessage(channel=MARKETING, text="x", blocks=blocks))["ts"]
        done = await browser.post("/ui/click", data={"channel": MARKETING, "ts": ts, "action_id": "go", "user": ANNA})
        assert (done.json()["acked"], done.json()["url"]) == (True, "https://redkey.example/r/1")
        said = await browser.post("/ui/say", json={"channel": MARKETING, "user": ANNA, "text": "/redkey help"})
        assert said.json()["messages"][0]["text"] == "help!"
        told = (await browser.get("/ui/state", params={"channel": MARKETING, "user": ANNA})).json()
    assert told["messages"][0]["elements"][0]["action_id"] == "go"
    assert {m["text"] for m in told["messages"] if m["ephemeral_for"]} == {"thanks", "help!"}


async def test_wrong_requests_are_told_what_is_wrong(slack, browser):
    assert (await browser.post("/ui/click", json={"ts": "1"})).status_code == 400
    missing = {"channel": MARKETING, "ts": "1.0", "action_id": "go", "user": ANNA}
    assert (await browser.post("/ui/click", json=missing)).status_code == 404
    assert (await browser.post("/ui/levers", json={"key": "none"})).status_code == 404
    assert (
        await browser.post("/ui/say", content="[]", headers={"content-type": "application/json"})
    ).status_code == 400
    foreign = {"sec-fetch-site": "cross-site"}
    assert (await browser.post("/ui/levers", json={"key": "slack.down"}, headers=foreign)).status_code == 403
    assert slack.mishaps.down_with is None


async def test_levers_break_slack_and_put_it_right_again(slack, browser):
    assert "503" in (await browser.post("/ui/levers", json={"key": "slack.down"})).json()["said"]
    assert slack.mishaps.down_with == 503
    assert "Bring Slack back" in (await browser.get("/")).text
    await browser.post("/ui/levers", json={"key": "slack.up"})
    assert slack.mishaps.down_with is None
    for key in [lever.key for lever in slack.all_levers()]:
        assert (await browser.post("/ui/levers", json={"key": key})).status_code == 200


async def test_waiting_for_changes_ends_with_the_change(slack, browser):
    now = slack.version
    await slack.say(MARKETING, "hi")
    assert (await browser.get("/ui/changes", params={"since": now})).json()["version"] > now
    drawn = (await browser.get("/ui/view", params={"channel": MARKETING, "user": ANNA})).json()
    assert "hi" in drawn["main"]


async def test_private_answers_are_shown_to_one_person_only(slack, browser):
    await client(slack).chat_postEphemeral(channel=MARKETING, user=ANNA, text="psst")
    assert "psst" in (await browser.get("/", params={"user": ANNA})).text
    assert "psst" not in (await browser.get("/", params={"user": "U0BEN0000"})).text


async def test_a_permalink_leads_to_the_message_on_the_page(slack, browser):
    ts = (await client(slack).chat_postMessage(channel=MARKETING, text="x"))["ts"]
    link = (await client(slack).chat_getPermalink(channel=MARKETING, message_ts=ts))["permalink"]
    assert (await browser.get(link)).headers["location"] == f"/?channel={MARKETING}#m-{ts}"


def test_whoever_has_slack_in_french_reads_dates_in_french():
    at, now = datetime(2026, 11, 22, 9, 5, tzinfo=UTC), datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def shown(form):
        return told(at, form, UTC, now, french=True)

    assert shown("{date_short_pretty} à {time}") == "hier à 09:05"
    assert shown("{date_long}, {ago}") == "dimanche 22 novembre 2026, il y a 23 heures"
    assert told(at, "{date_short_pretty} at {time}, {ago}", UTC, now) == "yesterday at 9:05 AM, 23 hours ago"
