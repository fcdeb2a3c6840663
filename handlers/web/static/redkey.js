// The only script of these pages; everything works without it.
(() => {
  const { clean, refresh } = document.documentElement.dataset;

  // A code or state in the address bar would be kept in the history, and a reload would send it again.
  if (clean) {
    history.replaceState(null, "", clean);
  }

  // While a catch-up runs, the page keeps itself current; not while nobody looks.
  if (refresh) {
    const again = () => (document.hidden ? setTimeout(again, 1000) : location.reload());
    setTimeout(again, Number(refresh) * 1000);
  }
})();
