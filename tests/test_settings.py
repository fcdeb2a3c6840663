"""Settings: two sources, one frozen value, and one clear line for each thing that is wrong."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.settings.file import load, written_keys
from bot.settings.settings import Settings
from bot.settings.wrong import keys, variable
from bot.words.errors import SetupError
from storage import new_key

KEY = new_key()
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, text: str, name: str = "redkey.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(SetupError) as raised:
        load(written(folder, text))
    return str(raised.value).splitlines()


def test_without_a_file_everything_has_its_default(folder):
    settings = load()

    assert settings.database.url == "sqlite:///redkey.db"
    assert settings.web.public_url == "http://127.0.0.1:8080"
    assert settings.timing.check_every == timedelta(minutes=5)
    assert settings.timing.remind_after == (timedelta(hours=4), timedelta(days=1), timedelta(days=3))
    assert settings.timing.retry_max == timedelta(minutes=5)


def test_the_file_in_the_working_directory_is_read(folder):
    written(folder, '[timing]\ncheck_every = "90s"')

    assert load().timing.check_every == timedelta(seconds=90)


def test_a_named_file_goes_before_the_variable_and_the_variable_before_the_working_directory(folder, monkeypatch):
    written(folder, "[web]\nport = 1")
    monkeypatch.setenv("REDKEY_CONFIG", str(written(folder, "[web]\nport = 2", "two.toml")))
    assert load().web.port == 2

    assert load(written(folder, "[web]\nport = 3", "three.toml")).web.port == 3


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_named_file_that_is_missing_is_an_error(folder, monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv("REDKEY_CONFIG", "other.toml")

    with pytest.raises(SetupError, match=r"other\.toml: there is no such file"):
        load(None if by_variable else Path("other.toml"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[web\nport = 1", "is not TOML: .*line 1"),
        (b"[web]\nhost = '\xff'", "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(folder, content, said):
    (folder / "redkey.toml").write_bytes(content)

    with pytest.raises(SetupError, match=said):
        load()


def test_the_environment_wins_over_the_file_key_by_key(folder, monkeypatch):
    written(folder, '[timing]\ncheck_every = "90s"\ncost_every = "2h"')
    monkeypatch.setenv("REDKEY_TIMING__CHECK_EVERY", "7s")

    timing = load().timing

    assert (timing.check_every, timing.cost_every) == (timedelta(seconds=7), timedelta(hours=2))


def test_every_key_is_an_environment_variable(folder, monkeypatch):
    values = {
        ("database", "url"): "postgresql://u@h/d",
        ("secrets", "keys"): KEY,
        ("web", "host"): "::1",
        ("web", "port"): "81",
        ("web", "public_url"): "https://r.example",
        ("web", "api_keys"): "one-key,two-key",
        ("web", "metrics_token"): "m",
        ("web", "require_slack_login"): "true",
        ("slack", "mode"): "http",
        ("slack", "bot_token"): "xoxb-1",
        ("slack", "app_token"): "xapp-1",
        ("slack", "signing_secret"): "s",
        ("slack", "api_url"): "https://slack-gov.com/api",
        ("slack", "channel"): "C123",
        ("slack", "installer"): "U0123",
        ("slack", "owners"): "U0123, S0456",
        ("slack", "language"): "fr",
        ("slack", "install"): "any",
        ("slack", "client_id"): "1.2",
        ("slack", "client_secret"): "s",
        ("slack", "refresh_token"): "xoxe-1",
        ("timing", "remind_after"): "1h, 2d",
        ("timing", "quiet_hours"): "22:00-07:00",
        ("timing", "quiet_zone"): "Europe/Paris",
        ("timing", "cost_days"): "7",
        ("timing", "storm_after"): "9",
        ("digest", "day"): "friday",
        ("digest", "at"): "17:30",
        ("digest", "zone"): "Europe/Paris",
        ("digest", "channel"): "C123",
        ("keep", "cost"): "730d",
        ("keep", "touchpoints"): "30d",
        ("keep", "outages"): "365d",
        ("keep", "audit"): "1095d",
        ("fallback", "webhook"): "http://127.0.0.1:9/hook?sig=1",
        ("fallback", "secret"): "s",
        ("fallback", "ping"): "http://127.0.0.1:9/ping",
        ("platforms",): '{"hubspot": {"client_id": "1"}}',
        ("routes",): '[{"platform": "salesforce", "owners": ["U0123"]}]',
        ("workspaces",): '[{"team": "T0123ABCD"}]',
        ("webhooks",): json.dumps([{"url": "https://hooks.example.com/a?b", "secrets": [WHSEC]}]),
    }
    everything = list(keys(Settings))
    values |= {path: "4s" for path in everything if path[0] == "timing" and path not in values}
    for path in everything:
        monkeypatch.setenv(variable(path), values[path])

    settings = load()

    default = Settings()
    for path in everything:
        ours, usual = settings, default
        for part in path:
            ours, usual = getattr(ours, part), getattr(usual, part)
        assert ours != usual, variable(path)
    assert settings.slack.api_url == "https://slack-gov.com/api/"
    assert [key.get_secret_value() for key in settings.web.api_keys] == ["one-key", "two-key"]
    assert settings.routes[0].owners == ("U0123",)


def test_a_platforms_keys_come_from_the_environment_too_and_stay_text(folder, monkeypatch):
    written(folder, '[platforms.google_ads]\nclient_id = "file"\nversion = "v25"')
    monkeypatch.setenv("REDKEY_PLATFORMS__GOOGLE_ADS__CLIENT_ID", "1234567890")

    settings = load()

    assert settings.platforms["google_ads"] == {"client_id": "1234567890", "version": "v25"}


def test_the_variables_of_other_tools_are_read_and_ours_win(folder, monkeypatch):
    written(folder, '[slack]\nbot_token = "xoxb-file"\napp_token = "xapp-file"')
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-theirs",
        "REDKEY_SLACK__BOT_TOKEN": "xoxb-ours",
        "SLACK_APP_TOKEN": "xapp-theirs",
        "SLACK_SIGNING_SECRET": "signed",
        "DATABASE_URL": "postgres://u:p@h/d",
    }.items():
        monkeypatch.setenv(name, value)

    settings = load()

    assert settings.slack.bot_token.get_secret_value() == "xoxb-ours"
    assert settings.slack.app_token.get_secret_value() == "xapp-theirs"
    assert settings.slack.signing_secret.get_secret_value() == "signed"
    assert settings.database.url == "postgresql://u:p@h/d"


def test_an_empty_variable_counts_as_not_set(folder, monkeypatch):
    written(folder, "[web]\nport = 81")
    monkeypatch.setenv("REDKEY_WEB__PORT", "")
    monkeypatch.setenv("DATABASE_URL", "")

    assert (load().web.port, load().database.url) == (81, "sqlite:///redkey.db")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("90s", timedelta(seconds=90)),
        ("1.5h", timedelta(minutes=90)),
        ("5m", timedelta(minutes=5)),
        ("4h", timedelta(hours=4)),
        ("3d", timedelta(days=3)),
    ],
)
def test_durations_are_a_number_and_a_unit(folder, text, length):
    assert load(written(folder, f'[timing]\nstorm_window = "{text}"')).timing.storm_window == length


@pytest.mark.parametrize("text", ['"5 minutes"', '"5"', "5", '""', '"-5m"', '"٣m"', '"1e3s"', '"5M"', "true", "[]"])
def test_anything_else_is_not_a_duration(folder, text):
    line = problems(f"[timing]\ncheck_every = {text}", folder)[0]

    assert line.startswith("timing.check_every: ")
    assert 'is not a duration such as "90s", "5m" or "4h"' in line


@pytest.mark.parametrize("text", ["0s", "4000d", "999999999d"])
def test_a_duration_of_nothing_or_of_ages_is_refused(folder, text):
    assert "expected" in problems(f'[timing]\ncheck_every = "{text}"', folder)[0] or "too long" in text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[timing]\ncheck_evry = "5m"',
            "timing.check_evry: unknown setting; did you mean timing.check_every?",
        ),
        (
            '[timing]\ncheck_every = "5 minutes"',
            'timing.check_every: "5 minutes" is not a duration such as "90s", "5m" or "4h"',
        ),
        ('[slack]\npublic_url = "x"', "slack.public_url: unknown setting; did you mean web.public_url?"),
        ("[timings]\n", "timings: unknown setting; did you mean timing?"),
        ("[weather]\nsunny = true", "weather: unknown setting"),
        ('[web]\nport = "x"', 'web.port: "x" is not a whole number'),
        ("[web]\nport = 70000", "web.port: 70000 is too large: expected at most 65535"),
        ('[slack]\nmode = "sockt"', 'slack.mode: "sockt" is not one of "socket" or "http"'),
        ('[slack]\nlanguage = "de"', 'slack.language: "de" is not one of "en" or "fr"'),
        ("web = 3", "web: expected a section of settings, [like this]"),
        ('[secrets]\nkeys = ["k1:short"]', "secrets.keys[1]: is not a name, a colon and 32 bytes in base64url"),
        (f'[secrets]\nkeys = ["{KEY}", "{KEY}"]', "secrets: two keys have the same name"),
        ('[[routes]]\nchannel = "C123"', "routes[1]: a route is for one platform or one connection"),
        ('[[routes]]\nplatform = "salesforce"', "routes[1]: a route needs a channel, owners, or escalate_to"),
        ('[[routes]]\nplatform = "salesforce"\nchanel = "C1"', "routes[1].chanel: unknown setting; did you mean"),
        ('[slack]\nchannel = "#alerts"', 'slack.channel: "#alerts" is not a channel id such as "C0123456789"'),
        ('[[routes]]\nplatform = "a"\nowners = ["@ann"]', 'routes[1].owners[1]: "@ann" is not the id of a person'),
        (f'[[webhooks]]\nname = "x"\nsecrets = ["{WHSEC}"]', "webhooks[1].url: is missing"),
        (f'[[webhooks]]\nurl = "http://192.0.2.1/"\nsecrets = ["{WHSEC}"]', "webhooks[1].url: is not an address"),
        ('[[webhooks]]\nurl = "https://h.example"\nsecrets = ["short"]', 'webhooks[1].secrets[1]: is not "whsec_" and'),
        ('[[webhooks]]\nurl = "https://h.example"\nsecrets = []', "webhooks[1].secrets: is missing"),
        (
            f'[[webhooks]]\nurl = "https://h.example"\nsecrets = ["{WHSEC}"]\nevents = ["outage.open"]',
            'webhooks[1].events[1]: "outage.open" is not one of outage.opened',
        ),
        (
            f'[[webhooks]]\nurl = "https://h.example"\nsecrets = ["{WHSEC}"]\n' * 2,
            'webhooks: two endpoints are called "h.example"',
        ),
        ('[database]\nurl = "mysql://h/d"', "database.url: is not the address of a database we know; expected"),
        ('[database]\nurl = "sqlite://redkey.db"', "database.url: needs three slashes"),
        ('[web]\nhost = "0.0.0.0"', 'web.public_url: is missing, and with host = "0.0.0.0"'),
        ('[web]\npublic_url = "http://redkey.example.com"', "web.public_url:"),
        ('[web]\npublic_url = "https://r.example/?a=b"', "web.public_url:"),
        ('[slack]\napi_url = "http://192.0.2.1/api/"', "slack.api_url:"),
        ('[slack]\ninstaller = "C123"', 'slack.installer: "C123" is not the id of a person, such as'),
        (
            '[fallback]\nwebhook = "http://h.example/canary"',
            "fallback.webhook: is not an address alerts can be sent to;",
        ),
        ('[fallback]\nwebhook = "canary"', "fallback.webhook: is not an address alerts can be sent to; expected"),
        ('[fallback]\nwebhok = "x"', "fallback.webhok: unknown setting; did you mean fallback.webhook?"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_what_was_expected(folder, text, line):
    assert [found[: len(line)] for found in problems(text, folder)] == [line]


def test_all_problems_are_told_at_once(folder, monkeypatch):
    monkeypatch.setenv("REDKEY_TIMNG__CHECK_EVERY", "5m")

    lines = problems('[web]\nport = "x"\n[timing]\ncost_every = "often"', folder)

    assert [line.split(":")[0] for line in lines] == ["web.port", "timing.cost_every", "REDKEY_TIMNG__CHECK_EVERY"]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "REDKEY_TIMING__CHECK_EVRY",
            "5m",
            "REDKEY_TIMING__CHECK_EVRY: unknown setting; did you mean REDKEY_TIMING__CHECK_EVERY?",
        ),
        ("REDKEY_WEB_PORT", "81", "REDKEY_WEB_PORT: unknown setting; did you mean REDKEY_WEB__PORT?"),
        ("REDKEY_WEB__PORT", "x", 'REDKEY_WEB__PORT: "x" is not a whole number'),
        ("DATABASE_URL", "mysql://u:secretive@h/d", "DATABASE_URL: is not the address of a database we know; expected"),
        ("SLACK_BOT_TOKEN", "xapp-1-secretive", "SLACK_BOT_TOKEN: holds the other of Slack's two tokens"),
        ("REDKEY_SECRETS__KEYS", "k1:secretive", "REDKEY_SECRETS__KEYS[1]: is not a name, a colon and 32 bytes"),
        ("REDKEY_ROUTES", "[{]", "REDKEY_ROUTES"),
    ],
)
def test_a_wrong_variable_is_named_as_the_variable_it_is(folder, monkeypatch, name, value, line):
    monkeypatch.setenv(name, value)

    with pytest.raises(SetupError) as raised:
        load()

    assert str(raised.value).startswith(line)
    assert "secretive" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_variables_kubernetes_sets_by_itself_are_no_settings(folder, monkeypatch):
    for name in ("REDKEY_SERVICE_HOST", "REDKEY_SERVICE_PORT_HTTP", "REDKEY_PORT", "REDKEY_PORT_8080_TCP_ADDR"):
        monkeypatch.setenv(name, "tcp://10.0.0.1:8080")

    load()


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("", timedelta(minutes=5)),
        ('check_every = "1s"', timedelta(seconds=10)),
        ('push_every = "2s"\ncheck_every = "1h"', timedelta(seconds=20)),
        ('retry_max = "3s"\ncheck_every = "1s"', timedelta(seconds=3)),
        ('retry_max = "1h"', timedelta(hours=1)),
        ('retry_max = "1h"\ncheck_every = "1m"', timedelta(minutes=10)),
        ('progress_every = "100ms"', timedelta(minutes=5)),
    ],
)
def test_the_longest_back_off_is_at_most_ten_times_the_shortest_interval_that_was_set(folder, text, longest):
    assert load(written(folder, f"[timing]\n{text}")).timing.retry_max == longest


def test_settings_never_change_and_never_show_a_secret(folder):
    settings = load(
        written(
            folder,
            f'[secrets]\nkeys = ["{KEY}"]\n[slack]\nbot_token = "xoxb-canary"\n[web]\napi_keys = ["canary-api"]\n'
            'metrics_token = "canary-metrics"\n'
            '[database]\nurl = "postgresql://u:canary-pw@h/d"\n[platforms.google_ads]\nclient_secret = "canary-cs"\n'
            '[fallback]\nwebhook = "https://h.example/canary-hook"\nsecret = "canary-seal"',
        )
    )

    with pytest.raises(ValidationError):
        settings.web.port = 1
    assert "canary" not in repr(settings)
    assert KEY not in repr(settings)
    canaries = {"xoxb-canary", *(f"canary-{name}" for name in ("api", "metrics", "pw", "cs", "seal"))}
    assert {*canaries, KEY, KEY.partition(":")[2]} <= set(settings.hidden())


def test_what_the_bot_still_needs_is_told_with_its_cure(folder):
    assert [line.split(":")[0] for line in load().missing()] == [
        "secrets.keys",
        "slack.bot_token",
        "slack.channel",
        "slack.app_token",
    ]
    complete = f'[secrets]\nkeys = ["{KEY}"]\n[slack]\nmode = "http"\nbot_token = "xoxb-1"\nchannel = "C012"\n'
    assert load(written(folder, complete)).missing() == [
        "slack.signing_secret: is missing; it proves that a request came from Slack"
    ]
    rotating = complete.replace('bot_token = "xoxb-1"', 'bot_token = "xoxe.xoxb-1"\nsigning_secret = "s"')
    (line,) = load(written(folder, rotating)).missing()
    assert line.startswith("slack.refresh_token: is missing; a bot token that begins with xoxe. lives twelve hours")
    renewed = complete.replace('bot_token = "xoxb-1"', 'refresh_token = "xoxe-1"\nsigning_secret = "s"')
    assert ["slack.client_id", "slack.client_secret"] == [
        line.split(":")[0] for line in load(written(folder, renewed)).missing()
    ]


def test_a_lock_that_is_not_built_yet_stops_the_start(folder):
    assert (
        "slack.client_id: is missing; web.require_slack_login needs it; the Slack app's page shows it under Basic Information"
        in load(written(folder, "[web]\nrequire_slack_login = true")).missing()
    )


def test_a_new_keys_name_is_free_even_while_the_settings_are_wrong(folder, monkeypatch):
    written(folder, '[secrets]\nkeys = ["k4:not yet right"]\n[timing]\nnonsense = 1')
    assert new_key(written_keys()).startswith("k5:")

    monkeypatch.setenv("REDKEY_SECRETS__KEYS", "k7:x,k6:y")
    assert new_key(written_keys()).startswith("k8:")


def test_an_app_for_several_workspaces_needs_people_to_say_who_they_are(folder):
    written(folder, '[slack]\ninstall = "any"\n')
    assert any(line.startswith("web.require_slack_login: must be true with slack.install") for line in load().missing())
