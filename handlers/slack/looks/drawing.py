"""Draws the last days of many connections, one strip each, as a PNG: a few shades, no library.

Height tells what colour tells, for whoever does not see the difference. https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections.abc import Sequence

WHITE, INK, RED, AMBER, GREEN, GREY = range(6)
PALETTE = bytes.fromhex("ffffff475467d92d20f7900912b76ad0d5dd")
BARS = {"red": (RED, 20), "amber": (AMBER, 12), "green": (GREEN, 6), "none": (GREY, 2)}
DAY, BAR = 18, 14  # pixels across
ROW, BOTTOM = 28, 24  # pixels down; where the bars stand
LEFT, EDGE = 40, 12
# Three columns by five rows for each digit, a row as an octal figure.
FONT = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711",
    "5": "74717", "6": "74757", "7": "71111", "8": "75757", "9": "75717",
}  # fmt: skip


class Canvas:
    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(width) for _ in range(height)]

    def fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        for row in self._rows[max(y, 0) : y + height]:
            row[x : x + width] = bytes([colour]) * (min(x + width, self.width) - x)

    def number(self, value: int, right: int, y: int, size: int = 2) -> None:
        """Written so that it ends at `right`."""
        text = str(value)
        for nth, digit in enumerate(text):
            x = right - (len(text) - nth) * 4 * size
            for down, figure in enumerate(FONT[digit]):
                for across in range(3):
                    if int(figure) >> (2 - across) & 1:
                        self.fill(x + across * size, y + down * size, size, size, INK)

    def png(self) -> bytes:
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)  # eight bits, by palette
        data = zlib.compress(b"".join(b"\0" + row for row in self._rows), 9)
        parts = ((b"IHDR", head), (b"PLTE", PALETTE), (b"IDAT", data), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def strips(rows: Sequence[Sequence[str]]) -> bytes:
    """One row of tones for each connection, oldest day first, numbered as they are named beside the picture."""
    days = max((len(row) for row in rows), default=1)
    canvas = Canvas(LEFT + days * DAY + EDGE, EDGE * 2 + max(len(rows), 1) * ROW)
    for nth, row in enumerate(rows):
        top = EDGE + nth * ROW
        canvas.number(nth + 1, LEFT - 8, top + BOTTOM - 12)
        for day, tone in enumerate(row):
            colour, height = BARS[tone]
            canvas.fill(LEFT + day * DAY, top + BOTTOM - height, BAR, height, colour)
    for day in range(days % 7, days, 7):  # a line at each week, counted back from today
        canvas.fill(LEFT + day * DAY - 3, EDGE, 1, canvas.height - 2 * EDGE, GREY)
    return canvas.png()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
