"""How a template is checked, and what a click on a real address would carry."""

import pytest

from bot.catch_up.tag_settings import checked, with_suffix
from bot.words.errors import Refused


@pytest.mark.parametrize("utm", ["a b=c", "utm_source", "=x", "a=1&&b=2", "a=<b>\n", "a=1#b", "é=1", "a=" + "x" * 400])
def test_a_template_that_would_break_an_address_is_refused(utm):
    with pytest.raises(Refused):
        checked(utm)


def test_macros_and_a_leading_question_mark_are_fine():
    assert checked(" ?utm_source=google&utm_campaign={campaignid} ") == "utm_source=google&utm_campaign={campaignid}"
    assert checked("") == ""


@pytest.mark.parametrize(
    ("url", "tagged"),
    [
        ("https://a.example/", "https://a.example/?u=1"),
        ("https://a.example/?x=2", "https://a.example/?x=2&u=1"),
        ("https://a.example/?x=2#top", "https://a.example/?x=2&u=1#top"),
        ("https://a.example/?", "https://a.example/?u=1"),
    ],
)
def test_the_suffix_goes_behind_the_query_and_before_the_fragment(url, tagged):
    assert with_suffix(url, "u=1") == tagged
    assert with_suffix(url, "") == url
