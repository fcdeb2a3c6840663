"""Block Kit's rules: what Slack refuses, and with which words."""

import copy

import pytest

from sandbox.slack.block_kit import check_attachments, check_message_blocks, check_view
from sandbox.slack.refusal import SlackRefusal


def plain(text="x"):
    return {"type": "plain_text", "text": text}


def mrkdwn(text="x"):
    return {"type": "mrkdwn", "text": text}


def button(**more):
    return {"type": "button", "text": plain(), "action_id": "a"} | more


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def section(**more):
    return {"type": "section", "text": mrkdwn()} | more


def select(count, **more):
    options = [{"text": plain(), "value": str(n)} for n in range(count)]
    return {"type": "static_select", "action_id": "s", "options": options} | more


def table(rows, cells, text="x"):
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * cells] * rows}


CONFIRM = {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain()}
OPTION = {"text": plain(), "value": "v"}
CELL = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}
GOOD = [
    [section(accessory=button(url="https://a.example/b", style="primary", confirm=CONFIRM))],
    [section(fields=[mrkdwn("x" * 2000)] * 5 + [plain()] * 5, block_id="b" * 255, expand=True)],
    [{"type": "section", "fields": [mrkdwn()]}],
    [actions(*[button(action_id=str(n), value="v" * 2000, text=plain("x" * 75)) for n in range(3)])],
    [actions({"type": "overflow", "options": [OPTION | {"url": "https://a.example"}] * 2}, select(100))],
    [
        {
            "type": "context",
            "elements": [mrkdwn(), plain(), {"type": "image", "image_url": "https://a/b", "alt_text": ""}],
        }
    ],
    [{"type": "header", "text": plain("x" * 150)}, {"type": "divider"}],
    [{"type": "rich_text", "elements": CELL["elements"]}],
    [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, CELL]], "column_settings": [{"align": "right"}]}],
    [{"type": "markdown", "text": "# x"}],
    [],
]
BAD = [
    ([section(text=mrkdwn("x" * 3001))], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section(text=mrkdwn(""))], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([section(text="x")], "must provide an object [json-pointer:/blocks/0/text]"),
    ([section(fields=[mrkdwn()] * 11)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (
        [section(fields=[mrkdwn("x" * 2001)])],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    ([section(color="red")], "invalid additional property: color [json-pointer:/blocks/0]"),
    ([section(text=mrkdwn() | {"emoji": True})], "invalid additional property: emoji [json-pointer:/blocks/0/text]"),
    ([{"type": "section"}], "missing required field: text or fields [json-pointer:/blocks/0]"),
    ([{"text": plain()}], "missing required field: type [json-pointer:/blocks/0]"),
    ([{"type": "bogus"}], "unsupported type: bogus [json-pointer:/blocks/0/type]"),
    ([{"type": "alert", "text": plain()}], "unsupported type: alert [json-pointer:/blocks/0/type]"),
    (["x"], "must provide an object [json-pointer:/blocks/0]"),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([section(block_id="a"), section(block_id="a")], '`block_id` "a" already exists [json-pointer:/blocks/1/block_id]'),
    ([section(block_id="b" * 256)], "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    ([{"type": "header", "text": mrkdwn()}], "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters"),
    ([{"type": "context", "elements": [mrkdwn()] * 11}], "no more than 10 items allowed"),
    ([{"type": "context", "elements": []}], "no fewer than 1 items required"),
    ([{"type": "context", "elements": [button()]}], "unsupported type: button"),
    ([actions(*[button(action_id=str(n)) for n in range(26)])], "no more than 25 items allowed"),
    ([actions(button(), button())], "already exists for this block [json-pointer:/blocks/0/elements/1/action_id]"),
    ([actions(button(text=plain("x" * 76)))], "less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"),
    ([actions(button(text=mrkdwn()))], "unsupported type: mrkdwn"),
    ([actions(button(url="https://" + "x" * 3000))], "must be less than 3001 characters"),
    ([actions(button(url="/relative"))], "must be a valid URL [json-pointer:/blocks/0/elements/0/url]"),
    ([actions(button(value="x" * 2001))], "must be less than 2001 characters"),
    ([actions(button(action_id="x" * 256))], "must be less than 256 characters"),
    ([actions(button(style="warning"))], "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]"),
    ([actions(button(accessibility_label="x" * 76))], "must be less than 76 characters"),
    ([actions(button(confirm=CONFIRM | {"title": plain("x" * 101)}))], "must be less than 101 characters"),
    ([actions(button(confirm=CONFIRM | {"deny": plain("x" * 31)}))], "must be less than 31 characters"),
    ([actions({"type": "overflow", "options": [OPTION] * 6})], "no more than 5 items allowed"),
    ([actions({"type": "overflow", "options": [OPTION]})], "no fewer than 2 items required"),
    ([actions(select(101))], "no more than 100 items allowed"),
    ([actions(select(1, options=[{"text": plain(), "value": "x" * 151}]))], "must be less than 151 characters"),
    ([actions(select(1, options=[{"text": plain("x" * 76), "value": "x"}]))], "must be less than 76 characters"),
    ([actions({"type": "static_select"})], "must provide exactly one of: options, option_groups"),
    ([actions({"type": "plain_text_input"})], "unsupported type: plain_text_input"),
    ([{"type": "image", "image_url": "https://a/b"}], "missing required field: alt_text"),
    ([{"type": "image", "image_url": "https://a/b", "alt_text": "x" * 2001}], "must be less than 2001 characters"),
    ([table(101, 1)], "no more than 100 items allowed"),
    ([table(1, 21)], "no more than 20 items allowed"),
    ([table(100, 20, "x" * 6)], "no more than 10000 characters allowed in a table [json-pointer:/blocks/0/rows]"),
    ([table(1, 1), table(1, 1)], "only_one_table_allowed"),
    ([{"type": "card", "title": plain(), "actions": [button()] * 4}], "no more than 3 items allowed"),
    ([{"type": "carousel", "elements": []}], "no fewer than 1 items required"),
    ([{"type": "container", "child_blocks": [section()]}], "missing required field: title or rich_text_title"),
    ([{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}], "unsupported type: text"),
    ([{"type": "task_card", "task_id": "1", "title": "x", "status": "failed"}], "must be a valid enum value"),
]


@pytest.mark.parametrize("blocks", GOOD, ids=range(len(GOOD)))
def test_good_blocks_pass_in_a_message_and_in_an_attachment(blocks):
    before = copy.deepcopy(blocks)
    check_message_blocks(blocks)
    check_attachments([{"color": "#D92D20", "blocks": blocks, "fallback": "x"}], [])
    assert blocks == before


@pytest.mark.parametrize(("blocks", "finding"), BAD, ids=[f"{n}: {f[:50]}" for n, (_, f) in enumerate(BAD)])
def test_bad_blocks_are_refused_with_the_place_of_the_fault(blocks, finding):
    with pytest.raises(SlackRefusal) as caught:
        check_message_blocks(blocks)
    assert caught.value.body["error"] == "invalid_blocks"
    assert any(finding in m and m.startswith("[ERROR] ") for m in caught.value.body["response_metadata"]["messages"])
    with pytest.raises(SlackRefusal) as caught:
        check_attachments([{"blocks": blocks}], [])
    assert caught.value.body["error"] == "invalid_attachments"


def test_all_blocks_together_may_not_be_too_long():
    with pytest.raises(SlackRefusal, match="msg_blocks_too_long"):
        check_message_blocks([section(text=mrkdwn("x" * 2700))] * 5)
    half = [section(text=mrkdwn("x" * 2400))] * 3
    check_message_blocks(half)
    with pytest.raises(SlackRefusal, match="msg_blocks_too_long"):
        check_attachments([{"blocks": half}], half)


def test_an_attachment_has_blocks_or_the_old_fields_but_not_both():
    check_attachments([{"text": "old", "fields": [{"title": "a", "value": "b"}], "color": "good"}], [])
    with pytest.raises(SlackRefusal, match="invalid_attachments"):
        check_attachments([{"text": "old", "blocks": [section()]}], [])


def modal(**more):
    return {"type": "modal", "title": plain("Title"), "blocks": [section()]} | more


FIELD = {"type": "input", "label": plain(), "element": {"type": "plain_text_input"}}


@pytest.mark.parametrize(
    ("view", "surface", "finding"),
    [
        (modal(title=plain("x" * 25)), "modal", "less than 25 characters [json-pointer:/view/title/text]"),
        (modal(private_metadata="x" * 3001), "modal", "less than 3001 characters"),
        (modal(callback_id="x" * 256), "modal", "less than 256 characters"),
        (modal(blocks=[section()] * 101), "modal", "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (modal(blocks=[FIELD]), "modal", "missing required field: submit"),
        (modal(blocks=[table(1, 1)]), "modal", "unsupported type: table"),
        (modal(), "home", "must be a valid enum value [json-pointer:/view/type]"),
        ({"type": "home", "blocks": [{"type": "alert", "text": plain()}]}, "home", "unsupported type: alert"),
        ({"type": "home", "blocks": [section()] * 101}, "home", "no more than 100 items"),
        ({"type": "home", "blocks": [actions(button(style="x"))]}, "home", "/view/blocks/0/elements/0/style"),
        ({"type": "home", "blocks": [actions(select(2, initial_option=OPTION))]}, "home", "must be one of the options"),
        (None, "home", "must provide an object"),
    ],
)
def test_bad_views_are_refused(view, surface, finding):
    with pytest.raises(SlackRefusal) as caught:
        check_view(view, surface)
    assert caught.value.body["error"] == "invalid_arguments"
    assert any(finding in m for m in caught.value.body["response_metadata"]["messages"])


def test_alerts_and_inputs_stand_in_modals():
    check_view(
        modal(submit=plain("Send"), blocks=[FIELD, {"type": "alert", "text": plain(), "level": "error"}]), "modal"
    )
    check_view({"type": "home", "blocks": [section()] * 100}, "home")
