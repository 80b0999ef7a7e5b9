"""The lakes that readers are tried on, made by `tributary replay`: an access log's, and a shop's, drawn from a seed, with
props, late hits, rejected ones and sessions that were merged."""

import datetime as dt, json, os, pathlib, random, subprocess, uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "crates/tributary/tests/data/access_sample.log"
UTC = dt.timezone.utc


def access_log():
    """The whole of Elastic's public example where it is at hand (TOOLS_DATA, or a folder shared/data beside the
    clone), else the sample of it that is part of the project."""
    named = [pathlib.Path(os.environ["TOOLS_DATA"])] if "TOOLS_DATA" in os.environ else []
    for folder in named + [above / "shared/data" for above in (ROOT, *ROOT.parents)]:
        if (folder / "apache_access.log.gz").exists():
            return folder / "apache_access.log.gz"
    return SAMPLE


def replay(tributary, source, lake, *flags):
    """Makes a lake of a file; what replay counted."""
    command = [tributary, "replay", source, "--json", "--lake", lake, *flags]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUTARY_")}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def make_access_lake(tributary, folder):
    return replay(tributary, access_log(), folder / "access", "--format", "combined", "--site", "semicomplete.com")


def make_shop_lake(tributary, folder):
    path = folder / "shop.ndjson"
    path.write_text("".join(json.dumps(hit, separators=(",", ":")) + "\n" for hit in shop_hits()))
    return replay(tributary, path, folder / "shop", "--format", "hits")


FIRST_DAY = dt.datetime(2026, 9, 7, tzinfo=UTC)  # a Monday
WEEKS = 6
PAGES = ["/", "/shoes", "/hats", "/shoes/42", "/hats/7", "/about"]
SOURCES = [
    "",
    "https://www.google.com/",
    "https://news.example/",
    "utm_source=newsletter&utm_medium=email&utm_campaign=autumn",
    "utm_source=google&utm_medium=cpc&utm_campaign=boots&utm_term=winter%20boots&utm_content=blue",
]


def shop_hits():
    """Six weeks of a shop, in the order in which they reach the log: the order of their times, but for some that are a
    little out of order, so that sessions are merged, and some that come hours after their session has ended."""
    draw = random.Random(42)
    hits = []
    for visitor in range(150):
        first_week = draw.randrange(WEEKS)
        for week in range(first_week, WEEKS):
            if week > first_week and draw.random() > 0.4:
                continue
            for _ in range(draw.randint(1, 2)):
                start = FIRST_DAY + dt.timedelta(
                    days=7 * week + draw.randrange(7), seconds=draw.randrange(6 * 3600, 23 * 3600)
                )
                hits += visit(draw, visitor, start)
    hits.sort(key=lambda hit: (hit[0], hit[1]["hit_id"]))
    arrival = []
    for time, hit in hits:
        # A few phones are offline for half a day: their hits are late. Others are a quarter of an hour behind, while
        # what came after has arrived: then a session may have begun on either side of the hit, and it merges them.
        delay = 43_200 if draw.random() < 0.01 else hit.pop("delay", 0)
        arrival.append((time + dt.timedelta(seconds=delay), hit))
    arrival.sort(key=lambda pair: (pair[0], pair[1]["hit_id"]))
    lines = [hit for _, hit in arrival]
    for at in range(100, len(lines), 500):
        lines.insert(at, {"site": "shop.example", "visitor_id": "v/1", "event_time": lines[at]["event_time"]})
    lines.insert(50, {**lines[49], "hit_id": "00000000-0000-4000-8000-0000000fffff", "prices": 1})
    lines.insert(80, lines[79])
    return lines


def visit(draw, visitor, start):
    """One visit: pages, time spent on them, now and then the way to an order."""
    hits, time = [], start
    source = draw.choice(SOURCES)
    agents = [
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    ]
    agent = "Googlebot/2.1 (+http://www.google.com/bot.html)" if visitor % 50 == 7 else agents[visitor % 2]

    def hit(kind, path, **more):
        is_first = not hits
        query = f"?{source}" if is_first and source.startswith("utm_") else ""
        known = {
            "hit_id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
            "site": "shop.example",
            "visitor_id": f"v{visitor}",
            "type": kind,
            "event_time": text(time),
            "url": f"https://shop.example{path}{query}",
            "title": f'Über {path} – "Shop"',
            "language": "de-AT",
            "timezone": "Europe/Vienna",
            "screen": "1920x1080",
            "user_agent": agent,
        }
        if is_first and source.startswith("https"):
            known["referrer"] = source
        if visitor % 3 == 0:
            known["user_id"] = f"customer {visitor}"
        hits.append((time, {**known, **more}))

    path = draw.choice(PAGES)
    for _ in range(draw.randint(1, 5)):
        hit("pageview", path)
        looked = draw.randint(5, 240)
        time += dt.timedelta(seconds=looked)
        hit("engagement", path, props={"engaged_ms": looked * 900})
        path = draw.choice(PAGES)
        time += dt.timedelta(seconds=draw.randint(0, 30))
    if draw.random() < 0.5:
        hit("add_to_cart", "/shoes/42", props={"sku": "boot-42", "price": 89.5, "sizes": ["41", "42"]})
        for page in ["/cart", "/checkout", "/thanks"]:
            if draw.random() < 0.3:
                break
            time += dt.timedelta(seconds=draw.randint(10, 90))
            hit("pageview", page)
    if draw.random() < 0.2:
        # 40 minutes between two hits: two sessions, until the one in the middle comes, which is behind.
        time += dt.timedelta(minutes=20)
        hit("pageview", "/about", delay=1260)
        time += dt.timedelta(minutes=20)
        hit("pageview", "/hats")
    return hits


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
