"""What is posted to /slack/events by whoever is not Slack: unsigned, forged, old, unreadable. For the tests."""

import hashlib
import hmac
import json
import random
import string
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from practice_strangers import raw

SECRET = "sandbox-signing-secret-redkey"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def slack_requests(seed: int, count: int) -> Iterator[bytes]:
    draw = random.Random(seed)

    def signed(body: bytes, kind: str, **changes: str) -> bytes:
        stamp = str(int(time.time()))
        mac = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}
        return raw("POST", b"/slack/events", headers | changes, body)

    def noise() -> bytes:
        return draw.randbytes(draw.randint(1, 200))

    def word() -> str:
        return "".join(draw.choices(string.ascii_letters + string.digits + "-_=é١", k=draw.randint(0, 70)))

    def unsigned() -> bytes:
        return raw("POST", b"/slack/events", {"Content-Type": draw.choice([JSON, FORM, "text/plain", ""])}, noise())

    def badly_signed() -> bytes:
        name = draw.choice(["X-Slack-Signature", "X-Slack-Request-Timestamp"])
        value = draw.choice(["", word(), "9" * 5000, "v0=" + "0" * 64, "1e9", "-1", "NaN", "v0=é"])
        return signed(noise(), FORM, **{name: value})

    def old() -> bytes:
        return signed(noise(), JSON, **{"X-Slack-Request-Timestamp": str(int(time.time()) - draw.randint(301, 10**9))})

    def changed() -> bytes:
        request = bytearray(signed(b"command=%2Fredkey&text=help&n=" + word().encode(), FORM))
        request[-1] ^= 1
        return bytes(request)

    def unreadable() -> bytes:
        kind, body = draw.choice(
            [
                (JSON, b"[" * draw.randint(1, 60_000)),
                (JSON, b"\xff\xfe" + noise()),
                (JSON, json.dumps([word()]).encode()),
                (JSON, b"{" + word().encode()),
                (FORM, b"payload=" + word().encode() + b"%"),
                (FORM, urlencode({"payload": json.dumps([word()])}).encode()),
                (FORM, b"%%%" + noise()),
                (FORM, b"&".join(b"a=b" for _ in range(draw.randint(101, 999)))),
            ]
        )
        return signed(body, kind)

    def wrong_way() -> bytes:
        method = draw.choice(["GET", "PUT", "DELETE", "HEAD", "PATCH", "FOO"])
        return raw(method, b"/slack/events?" + word().encode("ascii", "ignore"))

    kinds = [unsigned, badly_signed, old, changed, unreadable, wrong_way]
    for number in range(count):
        yield raw("POST", b"/slack/events", {}, b"x" * 1_100_000) if number % 5000 == 99 else draw.choice(kinds)()
