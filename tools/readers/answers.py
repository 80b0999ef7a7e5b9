"""The answer to each query of docs/queries.md, computed from hits in plain Python."""

import collections, datetime as dt, decimal, fnmatch, statistics

import expected


def rounded(value, digits=1):
    """Halves up, as SQL rounds."""
    exact = decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP)
    return float(exact)


def percent(part, whole):
    return rounded(100 * decimal.Decimal(part) / decimal.Decimal(whole))


def people(hits):
    return [hit for hit in hits if not hit.is_bot]


def grouped(things, key):
    found = collections.defaultdict(list)
    for thing in things:
        found[key(thing)].append(thing)
    return found


def views_of(hits):
    return [hit for hit in hits if hit.kind == "pageview"]


def by_day(hits, sessions):
    active = collections.Counter(
        date for session in sessions if not session.is_bot for date in {hit.date for hit in session.hits}
    )
    days = sorted(grouped(people(hits), lambda hit: hit.date).items())
    return [(date, len({hit.visitor for hit in of}), active[date], len(views_of(of))) for date, of in days]


def bounces(hits, sessions):
    days = grouped([one for one in sessions if one.views and not one.is_bot], lambda one: one.first.date)
    return [
        (date, len(of), sum(one.is_bounce for one in of), percent(sum(one.is_bounce for one in of), len(of)))
        for date, of in sorted(days.items())
    ]


def top_pages(hits, sessions):
    pages = grouped(people(views_of(hits)), lambda hit: hit.path)
    found = [(path, len(of), len({hit.visitor for hit in of})) for path, of in pages.items()]
    return sorted(found, key=lambda row: (-row[1], row[0]))[:10]


def entry_and_exit(hits, sessions):
    seen = [one for one in sessions if one.views and not one.is_bot]
    entries, exits = (
        collections.Counter(one.views[0].path for one in seen),
        collections.Counter(one.exit.path for one in seen),
    )
    found = [(page, entries[page], exits[page]) for page in entries | exits]
    return sorted(found, key=lambda row: (-row[1], -row[2], row[0]))[:10]


def sources(hits, sessions):
    ways = grouped(
        [one for one in sessions if one.views and not one.is_bot],
        lambda one: (one.first.channel or "direct", one.first.source or "(none)"),
    )
    found = [
        (
            *way,
            len(of),
            rounded(decimal.Decimal(sum(len(one.views) for one in of)) / len(of)),
            percent(sum(one.is_bounce for one in of), len(of)),
        )
        for way, of in ways.items()
    ]
    return sorted(found, key=lambda row: (-row[2], row[0], row[1]))[:10]


def funnel(steps):
    def answer(hits, sessions):
        reached = [0] * len(steps)
        for session in sessions:
            after = -1
            for number, pattern in enumerate(steps):
                times = [
                    hit.time
                    for hit in session.views
                    if hit.time > after and fnmatch.fnmatchcase(hit.path, pattern.replace("%", "*"))
                ]
                if session.is_bot or not times:
                    break
                reached[number] += 1
                after = min(times)
        return [(number + 1, pattern, reached[number]) for number, pattern in enumerate(steps)]

    return answer


def retention(hits, sessions):
    monday = lambda date: date - dt.timedelta(days=date.weekday())
    weeks = {
        visitor: {monday(hit.date) for hit in of}
        for visitor, of in grouped(people(hits), lambda hit: hit.visitor).items()
        if visitor
    }
    found = collections.Counter((min(of), (week - min(of)).days // 7) for of in weeks.values() for week in of)
    return [
        (first, later, number, percent(number, found[first, 0])) for (first, later), number in sorted(found.items())
    ]


def time_on_page(hits, sessions):
    views, until, engaged = collections.Counter(), collections.defaultdict(list), collections.Counter()
    for session in sessions:
        if session.is_bot:
            continue
        for hit in session.hits:
            engaged[hit.path] += hit.engaged_ms or 0
        for at, hit in enumerate(session.views):
            views[hit.path] += 1
            if at + 1 < len(session.views):
                until[hit.path].append((session.views[at + 1].time - hit.time) / 1_000_000)
    found = [
        (
            path,
            number,
            len(until[path]),
            statistics.median(until[path]) if until[path] else None,
            int(rounded(decimal.Decimal(engaged[path]) / 1000, 0)),
        )
        for path, number in views.items()
    ]
    return sorted(found, key=lambda row: (-row[1], row[0]))[:10]


def last_hour(hits, sessions):
    newest = max(hit.time for hit in hits)
    recent = grouped([hit for hit in hits if hit.time > newest - 3_600_000_000], lambda hit: hit.time // 600_000_000)
    clock = lambda bucket: (dt.datetime(1970, 1, 1) + dt.timedelta(minutes=10 * bucket)).strftime("%H:%M")
    return [
        (clock(bucket), len({hit.visitor for hit in of}), len(views_of(of))) for bucket, of in sorted(recent.items())
    ]


def journey(hits, sessions):
    of_visitor = grouped([one for one in sessions if not one.is_bot], lambda one: one.first.visitor)
    views = {visitor: sum(len(one.views) for one in of) for visitor, of in of_visitor.items()}
    visitor = min(name for name, number in views.items() if number == max(views.values()))
    own = sorted((one for one in sessions if one.first.visitor == visitor), key=lambda one: one.first.time)
    stamp = lambda time: (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=time)).strftime("%Y-%m-%d %H:%M:%S")
    found = [
        (stamp(hit.time), number, hit.kind, hit.path, one.first.channel or "direct")
        for number, one in enumerate(own, 1)
        for hit in one.hits
    ]
    return found[:10]


def bots(hits, sessions):
    found = grouped(hits, lambda hit: hit.is_bot)
    return [
        (is_bot, len(of), len({hit.visitor for hit in of}), percent(len(of), len(hits)))
        for is_bot, of in sorted(found.items())
    ]


def missing(lake):
    def answer(hits, sessions):
        day = dt.date.fromisoformat
        found = collections.Counter((hit.date, "hits", None) for hit in hits)
        found += collections.Counter(
            (day(row["date"]), "late", row["late_reason"]) for row in expected.rows(lake, "late")
        )
        found += collections.Counter(
            (day(row["date"]), "rejected", row["reason"]) for row in expected.rows(lake, "rejected")
        )
        return [
            (*of, number)
            for of, number in sorted(found.items(), key=lambda pair: (pair[0][0], pair[0][1], pair[0][2] or ""))
        ]

    return answer


def answers(lake, steps):
    """By the query's heading. The second value says whether an access log's lines alone can answer it."""
    return {
        "Visitors, sessions and page views by day": (by_day, True),
        "Bounce rate by day": (bounces, True),
        "Top pages": (top_pages, True),
        "Entry and exit pages": (entry_and_exit, True),
        "Sources and channels": (sources, False),
        "A funnel of three steps": (funnel(steps), True),
        "Retention by week": (retention, True),
        "Time on a page": (time_on_page, True),
        "The last hour": (last_hour, True),
        "One visitor's journey": (journey, False),
        "How much of it is bots": (bots, True),
        "Is anything missing?": (missing(lake), False),
    }
