"""Values stand in LinkedIn's addresses as Rest.li 2.0 wants them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from practice_linkedin_ads import at_the_desk

from platforms._linkedin_ads_restli import Plain, encoded
from sandbox.linkedin_ads import EMEA
from sandbox.linkedin_ads_restli import read


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


values = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=4),
    max_leaves=10,
)


def said(value):
    """What arrives: everything inside is text."""
    if isinstance(value, dict):
        return {key: said(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [said(inner) for inner in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(max_examples=300, deadline=None)
@given(values)
def test_what_is_encoded_is_read_as_it_was(value):
    assert read(encoded(value)) == said(value)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_text_leaves_a_sign_that_means_something(value):
    assert not set(encoded(value)) & set("(),:'&=?#/ +")
    assert encoded(value).isascii()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"start": {"year": 2026, "month": 11, "day": 1}}, "(start:(year:2026,month:11,day:1))"),
        (["urn:li:sponsoredAccount:512345678"], "List(urn%3Ali%3AsponsoredAccount%3A512345678)"),
        ({"status": {"values": ("ACTIVE", "PAUSED")}}, "(status:(values:List(ACTIVE,PAUSED)))"),
        (
            {"adEntity": {"sponsoredCampaign": "urn:li:sponsoredCampaign:612345001"}},
            "(adEntity:(sponsoredCampaign:urn%3Ali%3AsponsoredCampaign%3A612345001))",
        ),
        (Plain("dateRange,clicks"), "dateRange,clicks"),
        (True, "true"),
        ("", "''"),
        ([], "List()"),
        ("it's (1,2)", "it%27s%20%281%2C2%29"),
    ],
)
def test_addresses_look_as_linkedin_s_manual_has_them(value, text):
    assert encoded(value) == text


async def test_what_is_too_long_for_an_address_goes_as_a_post_that_says_it_is_a_get(desk):
    desk.sandbox.add_ads(EMEA, 150)
    campaigns = [f"urn:li:sponsoredCampaign:{each}" for each in desk.held.campaigns]
    restli = desk.platform._restli(desk.fetch)
    rows = [
        row
        async for page in restli.pages(f"/adAccounts/{EMEA}/creatives", 100, q="criteria", campaigns=campaigns)
        for row in page
    ]
    assert len(rows) == len(desk.held.creatives) - 2
    assert desk.calls("creatives", tunnelled=True, outcome="ok") > 1
