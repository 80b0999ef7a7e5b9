#!/usr/bin/env python3
"""Runs each query of docs/queries.md as it stands there, in DuckDB, and compares its answer with another computation
(answers.py, visits.py): on an access log's lake, and on the shop's. Where the whole log is at hand, the answers in the page must
be those, too.

  tools/readers/queries.py --tributary BINARY [--show] [--renew]

Prints a table; --show, each answer too, and what Python found; --renew writes the answers into the page; exits 1 where a check
failed."""

import argparse, math, pathlib, re, sys, tempfile

import duckdb

import expected, lakes, visits
from answers import answers

PAGE = lakes.ROOT / "docs/queries.md"
QUERY = re.compile(r"^## (.+?)\n(.*?```sql\n(.*?)```\n)(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
STEPS = ("/", "/blog/%", "/projects/%")
SHOP_STEPS = ("/shoes%", "/cart", "/thanks")


def ask(connection, sql):
    done = connection.execute(sql)
    return [column[0] for column in done.description], done.fetchall()


def same(found, wanted):
    """Whether two answers are the same; a float may differ in its last bits."""

    def cell(a, b):
        return math.isclose(a, b, abs_tol=1e-6) if isinstance(a, float) and b is not None else a == b

    return len(found) == len(wanted) and all(len(a) == len(b) and all(map(cell, a, b)) for a, b in zip(found, wanted))


def table(names, rows):
    text = lambda cell: (
        ""
        if cell is None
        else f"{cell:g}"
        if isinstance(cell, float)
        else str(cell).lower()
        if isinstance(cell, bool)
        else str(cell)
    )
    lines = [names, ["---"] * len(names), *([text(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


class Lake:
    """A lake, and what plain Python knows of it."""

    def __init__(self, name, path, steps, log=None):
        self.name, self.steps = name, steps
        self.connection = duckdb.connect()
        self.connection.execute((path / "_tables/duckdb.sql").read_text())
        self.connection.execute("SET TimeZone = 'UTC'")
        rows = visits.hits_of_lake(path)
        self.ways = [("rows", rows, visits.sessions(rows))]
        self.answers = answers(path, steps)
        if log:
            agents = {row["user_agent"]: row["is_bot"] for row in expected.rows(path, "hits")}
            lines = visits.hits_of_log(log, lambda agent: agents[None if agent == "-" else agent.replace('\\"', '"')])
            self.ways.append(("lines", lines, visits.sessions(lines)))

    def check(self, heading, sql, failures):
        """The query's answer, and which other computations said the same."""
        sql = re.sub(r"SELECT '.*' AS three", "SELECT '{}' AS one, '{}' AS two, '{}' AS three".format(*self.steps), sql)
        names, found = ask(self.connection, sql)
        answer, lines_suffice = self.answers[heading]
        self.wanted, agreed = {}, []
        for way, hits, sessions in self.ways:
            if way == "lines" and not lines_suffice:
                continue
            wanted = self.wanted[way] = answer(hits, sessions)
            if same(found, wanted):
                agreed.append(way)
            else:
                failures.append(
                    f"{heading} ({self.name}): DuckDB says\n  {found}\n  and plain Python over the {way}\n  {wanted}"
                )
        return names, found, agreed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tributary", type=pathlib.Path, required=True)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--renew", action="store_true")
    args = parser.parse_args()
    failures, page, is_whole = [], PAGE.read_text(), lakes.access_log() != lakes.SAMPLE
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lakes.make_access_lake(args.tributary.absolute(), folder)
        lakes.make_shop_lake(args.tributary.absolute(), folder)
        access = Lake("access log", folder / "access", STEPS, lakes.access_log())
        shop = Lake("shop", folder / "shop", SHOP_STEPS)
        queries = QUERY.findall(page)
        assert [heading for heading, *_ in queries] == list(access.answers), [heading for heading, *_ in queries]
        print(f"{'query':<42} {'access log: rows, checked over':<32} {'shop: rows, checked over'}")
        for heading, begin, sql, standing in queries:
            names, found, agreed = access.check(heading, sql, failures)
            _, of_shop, agreed_of_shop = shop.check(heading, sql, failures)
            ways, shop_ways = (" and ".join(one) or "NOTHING" for one in (agreed, agreed_of_shop))
            print(f"{heading:<42} {len(found):>4} {ways:<27} {len(of_shop):>4} {shop_ways}")
            if args.show:
                print(table(names, found), *(f"Python, {way}: {rows}\n" for way, rows in access.wanted.items()), sep="")
            if is_whole and standing.strip() != table(names, found).strip():
                if args.renew:
                    page = page.replace(
                        f"## {heading}\n{begin}{standing}", f"## {heading}\n{begin}{table(names, found)}"
                    )
                else:
                    failures.append(
                        f"{heading}: docs/queries.md shows another answer; look at it, then renew the page with --renew"
                    )
    if args.renew:
        PAGE.write_text(page.rstrip("\n") + "\n")
    elif not is_whole:
        print("the whole access log is not here: the sample was used, and the answers in the page were not compared")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
