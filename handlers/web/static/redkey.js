// The only script of these pages; everything works without it.
(() => {
  const { clean, refresh, told, live } = document.documentElement.dataset;
  const news = new BroadcastChannel("redkey");

  // A code or state in the address bar would be kept in the history, and a reload would send it again.
  if (clean) {
    history.replaceState(null, "", clean);
  }

  // A login that ended in a popup or another tab: whoever lists connections shows it at once.
  if (told) {
    news.postMessage(told);
  }
  if (document.querySelector("[data-popup]")) {
    news.onmessage = () => location.reload();
  }

  // The login in a small window beside the list, where the browser lets us; else the link leads there as any link does.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-popup]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (link && plain && matchMedia("(min-width: 48rem)").matches && open(link.href, "redkey-login", "popup,width=560,height=760")) {
      event.preventDefault();
    }
  });

  // An outage as it is now: each event is the page's live part, made by the server. A progress bar is not read out at every
  // step; what changed in the headline is.
  if (live) {
    const part = document.getElementById("live");
    const spoken = document.getElementById("spoken");
    const title = () => part.querySelector("h1").textContent;
    const stream = new EventSource(live);
    stream.addEventListener("now", ({ data }) => {
      const before = title();
      const held = document.activeElement?.getAttribute("href");
      part.innerHTML = data;
      if (held) {
        part.querySelector(`[href="${CSS.escape(held)}"]`)?.focus();
      }
      if (title() !== before) {
        spoken.textContent = title();
      }
    });
    stream.addEventListener("over", () => stream.close());
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(() => location.reload(), 10000);
      }
    });
  }

  // While a catch-up runs, the page keeps itself current; not while nobody looks.
  if (refresh) {
    const again = () => (document.hidden ? setTimeout(again, 1000) : location.reload());
    setTimeout(again, Number(refresh) * 1000);
  }
})();
