// Tributary: <script defer src="https://collector.example/tracker.js" data-site="shop.example"></script>
{
// Nothing in here may ever throw into the page.
const quietly = work => (...given) => { try { return work(...given) } catch (_) {} };

quietly(() => {
  const script = document.currentScript || document.querySelector("script[data-site]");
  const stub = window.tributary || {};
  if (stub.loaded) return;
  const endpoint = new URL("/collect", script.src).href;
  const site = script.getAttribute("data-site") || location.hostname;

  // Without https there is no randomUUID.
  const uuid = () => crypto.randomUUID ? crypto.randomUUID() : "10000000-1000-4000-8000-100000000000".replace(
    /[018]/g, n => (n ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> n / 4).toString(16));

  // Without storage, hits have no visitor and count without one.
  const visitor = quietly(() => localStorage.tributary || (localStorage.tributary = uuid()));

  const send = (type, page, props) => {
    const now = new Date().toISOString();
    const hit = {
      hit_id: uuid(), type: "" + type, client_time: now, ...page, props,
      language: navigator.language, screen: screen.width + "x" + screen.height,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone
    };
    const body = JSON.stringify({ site, visitor_id: visitor(), sent_at: now, hits: [hit] });
    // Text needs no preflight; both ways outlive the page.
    if (navigator.sendBeacon && navigator.sendBeacon(endpoint, body)) return;
    fetch(endpoint, { method: "POST", body, keepalive: true, credentials: "include" }).catch(() => {});
  };

  // The page in view, for how long it was looked at, and since when it is.
  let page, engaged = 0, since;
  const look = () => { since = document.hidden ? 0 : performance.now() };
  const leave = () => {
    if (since) engaged += performance.now() - since;
    if (page && engaged >= 1) send("engagement", page, { engaged_ms: Math.round(engaged) });
    since = engaged = 0;
  };
  const view = quietly(() => {
    // An anchor is no page; a router's #/path is.
    const url = location.href.replace(/#(?![/!]).*/, "").slice(0, 4096);
    if (page && page.url == url) return;
    const referrer = (page ? page.url : document.referrer).slice(0, 4096) || undefined;
    leave();
    page = { url, title: [...document.title].slice(0, 256).join(""), referrer };
    look();
    send("pageview", page);
  });

  // Pages change their address first and their title then.
  const later = () => setTimeout(view);
  for (const name of ["pushState", "replaceState"]) {
    const own = history[name];
    history[name] = function () {
      own.apply(this, arguments);
      later();
    };
  }
  addEventListener("popstate", later);
  addEventListener("pagehide", quietly(leave));
  document.addEventListener("visibilitychange", quietly(() => document.hidden ? leave() : look()));

  window.tributary = quietly((name, props) => send(name, page, props));
  tributary.loaded = true;
  view();
  for (const call of stub.q || []) tributary(...call);
})();
}
