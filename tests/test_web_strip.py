"""Ninety days at a glance: the right days are red, and the picture stays small."""

from datetime import timedelta

from practice_web import NOW, connection

from bot.memory.history import Down
from bot.people.showing import Shown
from handlers.web.strip import days_of, picture, runs


def strip(*downs, **changes):
    return days_of(Shown(connection(**changes), "Google Ads", downs), NOW.date())


def ago(days):
    return NOW - timedelta(days=days)


def test_red_while_the_login_was_lost_amber_while_it_caught_up_none_before_it_was_connected():
    tones = strip(Down("con_acme", ago(10), ago(8), ago(6)), created_at=ago(20))

    assert list(runs(tones)) == [
        ("none", 0, 69),
        ("green", 69, 10),
        ("red", 79, 3),
        ("amber", 82, 2),
        ("green", 84, 6),
    ]


def test_an_open_outage_is_red_until_today_and_one_that_began_earlier_from_the_start():
    assert set(strip(Down("con_acme", ago(120), None, None))) == {"red"}


def test_two_outages_on_one_day_show_the_worse():
    assert strip(Down("c", ago(0), ago(0), ago(0)), Down("c", ago(0), None, None))[-1] == "red"


def test_the_picture_is_small_and_escapes_its_label():
    drawn = picture(strip(), '"><script>')

    assert len(drawn) < 300
    assert "<script>" not in drawn
