"""What readers must find: the rows of each file, one by one, counted in plain Python; and the columns' types as docs/tables.md
documents them."""

import pathlib, re

import pyarrow.parquet as pq

DICTIONARY = pathlib.Path(__file__).resolve().parents[2] / "docs/tables.md"


def rows(lake, table):
    """All rows of a table as dictionaries. Times are microseconds since 1970, `date` is the folder's."""
    found = []
    for path in sorted((lake / table).glob("*/*.parquet")):
        date = path.parent.name.removeprefix("date=")
        found += [{**plain(row), "date": date} for row in pq.ParquetFile(path).read().to_pylist()]
    return found


def plain(value):
    if isinstance(value, dict):
        return {name: plain(of) for name, of in value.items()}
    if isinstance(value, list):
        return [plain(of) for of in value]
    if hasattr(value, "timestamp"):
        assert value.utcoffset().total_seconds() == 0
        return round(value.timestamp() * 1000) * 1000
    return value


def facts(lake, table):
    found = rows(lake, table)
    of = lambda name: [row[name] for row in found if row.get(name) is not None]
    counted = {"row_count": len(found), "days": len(set(of("date")))}
    if table == "hits":
        counted |= {
            "offsets": sum(of("offset")),
            "sessions": len(set(of("session_id"))),
            "visitors": len(set(of("visitor_id"))),
            "first": min(of("time")),
            "last": max(of("time")),
            "with_props": len(of("props")),
            "pageviews": of("type").count("pageview"),
            "bots": sum(of("is_bot")),
            "title_chars": sum(map(len, of("title"))),
            "seqs": len(of("session_seq")),
        }
    elif table == "sessions":
        pages = [page for row in found for page in row["pages"]]
        counted |= {
            "hits": sum(of("hit_count")),
            "duration": sum(of("duration_ms")),
            "pages": len(pages),
            "merged": sum(map(len, of("merged_ids"))),
            "last": max(of("end")),
            "bounces": sum(of("is_bounce")),
            "exits": len(of("exit_page")),
            "page_rows": len(pages),
            "page_paths": len({page["path"] for page in pages}),
            "page_first": min(page["time"] for page in pages),
            "page_last": max(page["time"] for page in pages),
        }
    elif table == "late":
        counted |= {
            "offsets": sum(of("raw_offset")),
            "reasons": len(set(of("late_reason"))),
            "last": max(of("time"), default=0),
            "missed": len(of("missed_session_id")),
        }
    else:
        counted |= {
            "reasons": len(set(of("reason"))),
            "pointers": len(of("pointer")),
            "last": max(of("time"), default=0),
            "hashes": len(of("raw_hash")),
        }
    return counted


def documented_types(table):
    """Each column's type in docs/tables.md, and whether it may be empty; `date` comes from the path."""
    section = DICTIONARY.read_text().split(f"\n## {table}\n")[1].split("\n## ")[0]
    found = {}
    for name, data_type in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE):
        optional, data_type = data_type.endswith("?"), data_type.removesuffix("?")
        known = {"JSON": "text", "list of struct(path text, title text?, time timestamp)": "pages"}
        found[name] = (known.get(data_type, data_type), optional)
    assert len(found) > 5, f"docs/tables.md has no columns of {table}"
    return {**found, "date": ("date", False)}
