"""The words of the product: the status people see, and secrets nobody sees."""

from itertools import product

import pytest

from bot.words.connection import Secret, Status, status_of

CASES = [
    # enabled, authorized, autotagging, catching_up -> status
    (True, True, False, False, "Connected"),
    (True, True, True, False, "Connected with Autotagging"),
    (True, True, True, True, "Catching Up"),
    (False, True, True, False, "Disconnected"),
    (True, False, True, False, "Authorization Required"),
    (False, False, True, False, "Authorization Required"),
]


@pytest.mark.parametrize(("enabled", "authorized", "autotagging", "catching_up", "words"), CASES)
def test_the_status_is_the_word_people_know(enabled, authorized, autotagging, catching_up, words):
    status = status_of(enabled=enabled, authorized=authorized, autotagging=autotagging, catching_up=catching_up)

    assert status == words


def test_every_combination_has_exactly_one_status_and_a_lost_authorization_always_wins():
    for enabled, authorized, autotagging, catching_up in product((True, False), repeat=4):
        status = status_of(enabled=enabled, authorized=authorized, autotagging=autotagging, catching_up=catching_up)

        assert status in Status
        assert (status is Status.AUTHORIZATION_REQUIRED) == (not authorized)


def test_a_secret_shows_itself_nowhere_but_on_request():
    secret = Secret("ya29.canary")

    assert "canary" not in f"{secret} {secret!r} {[secret]} {vars(type(secret))}"
    assert secret.reveal() == "ya29.canary"
