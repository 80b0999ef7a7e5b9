"""A lake that builds of three versions have written: an old one, whose files lack columns (kept in old/), today's, and a newer
one, whose files have a column that nobody here knows. Each engine must read them as one table."""

import json, pathlib, shutil

import expected
from sql_engines import TABLES

OLD = pathlib.Path(__file__).resolve().parent / "old"


def make_lake(folder):
    """The shop's lake with an old and a newer file in each table: the one sorts before all others, the other behind them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shop, lake = folder / "shop", folder / "grown"
    shutil.copytree(shop, lake)
    for ddl in (lake / "_tables").glob("*.sql"):
        ddl.write_text(ddl.read_text().replace(str(shop), str(lake)))
    for table in TABLES:
        todays = sorted((lake / table).glob("*/*.parquet"))[0]
        for day in ("2026-08-01", "2026-12-01"):
            (lake / table / f"date={day}").mkdir()
        shutil.copy(OLD / f"{table}.parquet", lake / table / "date=2026-08-01")
        newer = pq.ParquetFile(todays).read().slice(0, 2)
        newer = newer.append_column(pa.field("of_tomorrow", pa.string()), pa.array(["a", None][: newer.num_rows]))
        pq.write_table(newer, lake / table / "date=2026-12-01/newer.parquet", store_schema=False)
    (folder / "grown.json").write_text(json.dumps({table: expected.facts(lake, table) for table in TABLES}))


def read(engine, folder, checks):
    """An engine reads the lake with the DDL, or with the option that docs/tables.md names."""
    engine.open(folder / "grown", of_several_versions=True)
    wanted = json.loads((folder / "grown.json").read_text())
    if engine.uses_ddl:
        hits = expected.rows(folder / "grown", "hits")
        said = [sum(row.get(name) is not None for row in hits) for name in ("hit_id", "device", "of_tomorrow")]
        checks.same("grown.hits without the DDL", engine.without_ddl(folder / "grown"), said)
    for table in TABLES:
        found = engine.facts(table)
        for fact, value in wanted[table].items():
            checks.same(f"grown.{table}.{fact}", found.get(fact), value)
        columns, documented = engine.types(table), expected.documented_types(table)
        checks.same(f"grown.{table}: columns that are missing", sorted(set(documented) - set(columns)), [])
        beyond = set() if engine.uses_ddl else {"of_tomorrow"}
        checks.same(f"grown.{table}: columns beyond", set(columns) - set(documented), beyond)
