"""Hits and the sessions that they make, found out in plain Python: from the lines of an access log, or from the rows of a lake's
`hits`. Nothing here reads the table `sessions` or speaks SQL."""

import collections, datetime as dt, gzip, re
from dataclasses import dataclass

import expected

GAP = 30 * 60 * 1_000_000


@dataclass
class Hit:
    visitor: object
    time: int  # microseconds since 1970
    order: int
    kind: str
    path: str
    is_bot: bool
    channel: str = None
    source: str = None
    engaged_ms: float = None

    @property
    def date(self):
        return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=self.time)).date()


class Session:
    def __init__(self, hits):
        self.hits = hits
        self.views = [hit for hit in hits if hit.kind == "pageview"]
        custom = [hit for hit in hits if hit.kind not in ("pageview", "engagement", "request")]
        self.first, self.is_bot = hits[0], hits[0].is_bot
        # Of several at the same moment, the one that came first: ties go to the lower offset.
        self.exit = min(
            (hit for hit in self.views if hit.time == self.views[-1].time), key=lambda hit: hit.order, default=None
        )
        self.is_bounce = len(self.views) == 1 and not custom


def sessions(hits):
    """Each visitor's hits in order of time, cut where the silence is longer than the gap."""
    of_visitor, found = collections.defaultdict(list), []
    for hit in hits:
        if hit.visitor is not None:
            of_visitor[hit.visitor].append(hit)
    for own in of_visitor.values():
        own.sort(key=lambda hit: (hit.time, hit.order))
        start = 0
        for at in range(1, len(own) + 1):
            if at == len(own) or own[at].time - own[at - 1].time > GAP:
                found.append(Session(own[start:at]))
                start = at
    return found


def hits_of_lake(lake):
    import json

    found = []
    for row in expected.rows(lake, "hits"):
        props = json.loads(row["props"]) if row["props"] and row["type"] == "engagement" else {}
        found.append(
            Hit(
                row["visitor_id"],
                row["time"],
                row["raw_offset"],
                row["type"],
                row["path"],
                row["is_bot"],
                row["channel"],
                row["source"],
                props.get("engaged_ms"),
            )
        )
    return found


LINE = re.compile(r'^(\S+) \S+ \S+ \[([^]]+)\] "([^"]*)" (\d{3}) (\S+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$')
# What a page loads, and what is downloaded: no pages.
ASSET = re.compile(
    r"\.(css|js|mjs|map|json|xml|txt|csv|wasm|png|jpe?g|gif|svg|ico|webp|avif|bmp|tiff?|woff2?|ttf|otf|eot|mp3|mp4|m4[av]|"
    r"og[gva]|wav|flac|webm|mpe?g|avi|mov|mkv|flv|swf|pdf|docx?|xlsx?|pptx?|od[tsp]|epub|zip|t?gz|bz2|xz|zst|tar|rar|7z|exe|"
    r"msi|dmg|iso|deb|rpm|apk|jar|bin)$",
    re.IGNORECASE,
)


def hits_of_log(path, is_bot):
    """The log's lines as hits: who it was is address and user agent, and a page is a GET that was answered, of no asset.
    Which user agents are bots, `is_bot` says; where a visitor came from, the lines do not."""
    found = []
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        for order, line in enumerate(file):
            parts = LINE.match(line.rstrip("\n"))
            if not parts:
                continue
            host, stamp, request, status, _, _, agent = parts.groups()
            time = dt.datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z")
            method, target = request.split(" ")[:2]
            path_of = target.split("?")[0].split("#")[0]
            is_page = method == "GET" and 200 <= int(status) < 400 and not ASSET.search(path_of)
            found.append(
                Hit(
                    (host, agent),
                    round(time.timestamp()) * 1_000_000,
                    order,
                    "pageview" if is_page else "request",
                    path_of,
                    is_bot(agent),
                )
            )
    return found
