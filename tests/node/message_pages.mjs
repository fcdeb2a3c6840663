// Messages as a reader of Slack sees them, drawn by npm slack-blocks-to-jsx: JSON on standard input, a list of pages of HTML on standard output.
// In: {messages: [{text, blocks, attachments}], language, now, logo, data: {users, channels, user_groups}}; `now` in seconds.
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { createElement as h } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { Message } from "slack-blocks-to-jsx";

const STYLE = readFileSync(new URL("node_modules/slack-blocks-to-jsx/dist/style.css", import.meta.url), "utf8");
// The package knows no attachments: the coloured bar is ours, beneath the text and not beneath the logo (36 px and a gap of 8).
const FRAME = `
  body { margin: 0; background: #fff; }
  .message { width: fit-content; max-width: 100%; box-sizing: border-box; padding: 12px 16px; }
  .message input + div { color: rgb(29 28 29 / 70%) !important; } /* the word in a menu, which the package makes too pale to read */
  .attachment { margin: 4px 0 0 44px; max-width: 600px; box-sizing: border-box; border-left: 4px solid; border-radius: 4px; padding-left: 12px; }
`;

const asked = JSON.parse(await text(process.stdin));

/** The package shows a text that is `verbatim` without its links and mentions; Slack only makes no links of its own there. */
function plain(held) {
  if (Array.isArray(held)) return held.map(plain);
  if (held === null || typeof held !== "object") return held;
  return Object.fromEntries(Object.entries(held).filter(([key]) => key !== "verbatim").map(([key, value]) => [key, plain(value)]));
}

/** The tokens of dates that we send. The package's own ones read seconds as milliseconds, and are in English only. */
function date({ timestamp, format }) {
  const then = new Date(Number(timestamp) * 1000);
  const days = Math.round((midnight(then) - midnight(new Date(asked.now * 1000))) / 86_400_000);
  const near = new Intl.RelativeTimeFormat(asked.language, { numeric: "auto" }).format(days, "day");
  const day = then.toLocaleDateString(asked.language, { dateStyle: "medium", timeZone: "UTC" });
  const time = then.toLocaleTimeString(asked.language, { timeStyle: "short", timeZone: "UTC" });
  return h("span", null, format
    .replace("{date_short_pretty}", Math.abs(days) < 2 ? near : day)
    .replace("{date_short}", day)
    .replace("{time}", time));
}

/** Without `verbatim` the package makes links of e-mail addresses, which Slack would leave as they are. */
function link({ href, children, className }) {
  return href.startsWith("mailto:") ? children : h("a", { href, className }, children);
}

function midnight(moment) {
  return new Date(moment).setUTCHours(0, 0, 0, 0);
}

const common = { theme: "light", name: "Redkey", logo: asked.logo, time: new Date(asked.now * 1000), data: asked.data, hooks: { date, link } };

function page({ blocks, attachments }) {
  const bars = attachments.map((each, i) =>
    h("div", { key: i, className: "attachment", style: { borderColor: each.color } },
      h(Message, { ...common, blocks: plain(each.blocks), withoutWrapper: true })));
  const body = h("article", { className: "message" }, h(Message, { ...common, blocks: plain(blocks), style: { maxWidth: 644 } }), bars);
  const head = `<meta charset="utf-8"><style>${STYLE}${FRAME}</style>`;
  return `<!doctype html><html lang="${asked.language}"><head>${head}</head><body>${renderToStaticMarkup(body)}</body></html>`;
}

process.stdout.write(JSON.stringify(asked.messages.map(page)));
