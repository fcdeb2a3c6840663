"""What platforms say, in a real browser: names, logins and reasons that are scripts stay text, and none of them runs."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from browser import Watched, chromium
from practice_pages import furnish
from practice_web import connection, outcome, start_page, website

from bot.people.people import ConnectPage, Ending, GuestPage
from bot.words.connection import Account

EVIL = [  # short enough that no page cuts them
    "\"'></title></script><svg/onload=ran=1 class=evil><script>ran=1</script>",
    "' onfocus=ran=1 autofocus class='evil <img src=x onerror=ran=1 class=evil>",
    "javascript:ran=1//{{7*7}}<iframe class=evil srcdoc='<script>parent.ran=1</script>'>",
]
FOUND = "window.ran || document.querySelectorAll('.evil, iframe, [onerror], [onload], [onfocus]').length"
LINKS = "[...document.links].filter(a => !a.protocol.startsWith('http')).length"
INLINE = """new Promise(told => {
    document.addEventListener('securitypolicyviolation', seen => told(seen.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'ran=1';
    document.head.append(script);
    setTimeout(() => told('nothing was refused'), 2000);
})"""


def poison(site, evil):
    """These words wherever a platform's text can stand."""
    account = Account(evil, evil, "EUR")
    furnish(site)
    site.desk.listed = [connection(id="con_acme", account=account, login=evil, authorized=False)]
    page = site.gallery.full["con_acme"]
    shown = replace(page.shown, connection=replace(page.shown.connection, account=account, login=evil))
    untagged = (replace(page.untagged[0], ad=evil, name=evil, why=evil),) if page.untagged else ()
    site.gallery.full["con_acme"] = replace(page, shown=shown, untagged=untagged)
    site.door.pages["out_1"] = start_page(login=evil, accounts=(account,))
    site.door.links["lnk_1"] = ConnectPage("lnk_1", "google_ads", "Google Ads", evil, (account,))
    site.door.guests["gst_1"] = GuestPage("gst_1", "google_ads", "Google Ads", (account,))
    told = {"accounts": (account,), "missing": (account,), "used_login": evil, "expected_login": evil, "why": evil}
    return [outcome(ending, who=evil, **told) for ending in (Ending.WRONG_ACCOUNT, Ending.FAILED, Ending.PARTLY)]


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_what_a_platform_calls_things_runs_nowhere_and_is_text_on_every_page():
    pages = ["/connections", "/connections/con_acme", "/reauthorize/out_1", "/connect/lnk_1", "/guest/gst_1"]
    async with chromium() as browser, website() as site:
        context = await browser.new_context(base_url=str(site.client.base_url))
        watched = Watched(context)
        watched.expected = ("40", "50")  # some endings are no success
        page = await context.new_page()
        for at, evil in enumerate(EVIL):
            site.door.ending = poison(site, evil)[at]
            for path in pages:
                await page.goto(path)
                assert not await page.evaluate(FOUND), (path, evil)
                assert not await page.evaluate(LINKS), (path, evil)
            begun = await context.request.post("/reauthorize/out_1", max_redirects=0)
            state = begun.headers["location"].partition("state=")[2].partition("&")[0]
            await page.goto(f"/oauth/callback/google_ads?state={state}&error=x&error_description={quote(evil)}")
            assert not await page.evaluate(FOUND), (site.door.ending, evil)
        assert watched.trouble == []
        watched.expected = ("Content Security Policy",)
        assert await page.evaluate(INLINE) == "script-src-elem"
        assert not await page.evaluate("window.ran")
        await context.close()
