// The tracker in a page made of the few things that it touches: `node --test snippet/`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

const source = readFileSync(fileURLToPath(new URL("tracker.js", import.meta.url)), "utf8");

/** A page at an address. What differs from an ordinary one is given; `sent` collects the requests' bodies. */
function open(url, differing = {}) {
  const listeners = {}, timers = [];
  const page = {
    sent: [], posted: [], clock: 100, URL, Intl, crypto: globalThis.crypto, localStorage: {},
    location: new URL(url), screen: { width: 1920, height: 1080 },
    navigator: { language: "de-DE", sendBeacon: (to, body) => { page.sent.push([to, JSON.parse(body)]); return true } },
    fetch: async (to, options) => { page.posted.push([to, options]) },
    performance: { now: () => page.clock },
    setTimeout: work => timers.push(work),
    addEventListener: (name, listener) => { (listeners[name] ||= []).push(listener) },
    history: {
      pushState: (_, __, to) => { page.location = new URL(to, page.location) },
      replaceState: (_, __, to) => { page.location = new URL(to, page.location) }
    },
    document: {
      hidden: false, title: "Start", referrer: "https://news.example/",
      currentScript: { src: "https://collector.example/tracker.js", getAttribute: () => "shop.example" },
      addEventListener: (name, listener) => { (listeners[name] ||= []).push(listener) }
    },
    ...differing
  };
  page.window = page;
  /** Something happens to the page; then what it waits for runs. */
  page.on = name => { for (const listener of listeners[name] || []) listener({}); page.settle() };
  page.settle = () => { while (timers.length) timers.shift()() };
  page.hits = () => page.sent.flatMap(([, body]) => body.hits);
  page.go = (how, to) => { page.history[how]({}, "", to); page.settle() };
  runInContext(source, createContext(page));
  page.settle();
  return page;
}

const kinds = page => page.hits().map(hit => `${hit.type} ${new URL(hit.url).pathname}`);

test("a page view says who, where and when", () => {
  const page = open("https://shop.example/a?b=c#top");
  const [[to, body]] = page.sent;
  assert.equal(to, "https://collector.example/collect");
  assert.equal(body.site, "shop.example");
  assert.match(body.visitor_id, /^[0-9a-f-]{36}$/);
  const { hit_id, client_time, ...rest } = body.hits[0];
  assert.match(hit_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(client_time, body.sent_at);
  assert.deepEqual(rest, {
    type: "pageview", url: "https://shop.example/a?b=c", title: "Start", referrer: "https://news.example/",
    language: "de-DE", screen: "1920x1080", timezone: Intl.DateTimeFormat().resolvedOptions().timeZone
  });
});

test("a visitor is the same on the next page, and nobody where nothing can be stored", () => {
  const first = open("https://shop.example/");
  const next = open("https://shop.example/b", { localStorage: first.localStorage });
  assert.equal(next.sent[0][1].visitor_id, first.sent[0][1].visitor_id);
  const forbidden = open("https://shop.example/", { localStorage: new Proxy({}, { get() { throw new Error("forbidden") } }) });
  assert.equal(forbidden.sent.length, 1);
  assert.equal("visitor_id" in forbidden.sent[0][1], false);
});

test("a site without data-site is the page's host", () => {
  const document = open("https://a.example/").document;
  document.currentScript.getAttribute = () => null;
  assert.equal(open("https://www.shop.example/", { document }).sent[0][1].site, "www.shop.example");
});

test("navigation within the page is a page view, once for each address", () => {
  const page = open("https://shop.example/a");
  page.go("replaceState", "/a");
  page.go("pushState", "/b");
  page.go("pushState", "/b#anchor");
  page.go("replaceState", "/c");
  page.location = new URL("https://shop.example/a");
  page.on("popstate");
  assert.deepEqual(kinds(page), ["pageview /a", "pageview /b", "pageview /c", "pageview /a"]);
  assert.equal(page.hits()[1].referrer, "https://shop.example/a");
  page.go("pushState", "#/route");
  assert.equal(page.hits().at(-1).url, "https://shop.example/a#/route");
});

test("the title is read once the page has had time to set it", () => {
  const page = open("https://shop.example/a");
  page.history.pushState({}, "", "/b");
  page.document.title = "Second";
  page.settle();
  assert.equal(page.hits()[1].title, "Second");
});

test("attention counts while the page is in view, and is told when it is left", () => {
  const page = open("https://shop.example/a");
  page.clock += 1500;
  page.document.hidden = true;
  page.on("visibilitychange");
  page.clock = 60_000;
  page.document.hidden = false;
  page.on("visibilitychange");
  page.clock += 250;
  page.on("pagehide");
  page.on("pagehide");
  const told = page.hits().filter(hit => hit.type == "engagement");
  assert.deepEqual(told.map(hit => hit.props.engaged_ms), [1500, 250]);
});

test("leaving for another page of the same script tells of the first one", () => {
  const page = open("https://shop.example/a");
  page.clock += 10;
  page.go("pushState", "/b");
  assert.deepEqual(kinds(page), ["pageview /a", "engagement /a", "pageview /b"]);
});

test("custom events carry their props, also those from before the script was there", () => {
  const page = open("https://shop.example/a", { tributary: Object.assign(() => {}, { q: [["early", { n: 1 }]] }) });
  page.tributary("signup", { plan: "pro" });
  assert.deepEqual(page.hits().map(hit => [hit.type, hit.props?.n, hit.props?.plan]),
    [["pageview", undefined, undefined], ["early", 1, undefined], ["signup", undefined, "pro"]]);
});

test("a second script tag does nothing", () => {
  const page = open("https://shop.example/a");
  runInContext(source, page);
  assert.equal(page.sent.length, 1);
});

test("where no beacon is taken, a fetch that outlives the page posts plain text", () => {
  const navigator = { language: "de-DE", sendBeacon: () => false };
  const page = open("https://shop.example/a", { navigator });
  const [[to, options]] = page.posted;
  assert.equal(to, "https://collector.example/collect");
  assert.deepEqual([options.method, options.keepalive, options.credentials, options.headers], ["POST", true, "include", undefined]);
  assert.equal(typeof options.body, "string");
});

test("without randomUUID ids are UUIDs all the same", () => {
  const crypto = { getRandomValues: bytes => globalThis.crypto.getRandomValues(bytes) };
  const { hit_id } = open("http://shop.example/", { crypto }).hits()[0];
  assert.match(hit_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("nothing is thrown into the page, whatever is missing or odd", () => {
  for (const differing of [{ navigator: undefined }, { crypto: undefined }, { Intl: undefined }, { screen: null }]) {
    open("https://shop.example/", differing);
  }
  const page = open("https://shop.example/");
  page.tributary(Symbol("odd"));
  const circle = {};
  circle.self = circle;
  page.tributary("circle", circle);
  page.tributary();
  page.document.title = null;
  page.go("pushState", "/b");
  page.on("pagehide");
});

test("the page's own errors stay its own", () => {
  const history = { pushState: () => { throw new TypeError("the page's") }, replaceState: () => {} };
  const page = open("https://shop.example/", { history });
  assert.throws(() => page.history.pushState({}, "", "/b"), /the page's/);
});

test("the tracker stays small", () => assert.ok(Buffer.byteLength(source) < 3 * 1024));
