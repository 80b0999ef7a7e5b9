#!/usr/bin/env python3
"""NDJSON of enriched hits to one sorted zstd Parquet file: ours, pyarrow's and DuckDB's, one thread each, in turns.

  tools/bench_encode.py [--log ACCESS_LOG[.gz]] [--lines 200000] [--rounds 5]

The hits are an access log's, repeated, as `tributary tail hits.enriched` says them; their times are pressed into one day, since
ours makes a file for each. Each engine reads the file, sorts by site, time and offset in the log, and writes zstd at the same
level in row groups of the same size. What counts is processor time, the best of the rounds, without starting up. The columns
are the same, but for two of ours that say where a row came from. Files are compared again for the log as it is: in a log that is
repeated, who has a row group in one page finds each line twenty times."""
import argparse, datetime as dt, json, os, pathlib, re, subprocess, sys, tempfile, time

import bench_replay

ROOT = bench_replay.ROOT
ROWS = 128 * 1024
SORT = ["site", "time", "raw_offset"]
TIMES = re.compile(r'"(event_time|received_at|time)":"([^"]+)"')


def pressed(value, span):
    """The record with its times within one day."""
    def move(found):
        at = time_of(found[2]) * 86_000_000 // span
        clock = time.strftime("%H:%M:%S", time.gmtime(at // 1000))
        return f'"{found[1]}":"2015-05-17T{clock}.{at % 1000:03}Z"'
    return TIMES.sub(move, value)


def time_of(text):
    """Milliseconds since the log began."""
    moment = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((moment - dt.datetime(2015, 5, 17, tzinfo=dt.timezone.utc)).total_seconds() * 1000)


def hits(log, lines, path, folder):
    folder.mkdir()
    binary = ROOT / "target/release/tributary"
    bench_replay.repeat(bench_replay.read(log), lines, folder / "access.log")
    bus = f"embedded:{folder / 'bus'}"
    replay = [binary, "replay", folder / "access.log", "--bus", bus, "--lake", folder / "lake", "--partitions", "1"]
    subprocess.run(replay, check=True, capture_output=True)
    tail = subprocess.run([binary, "tail", "hits.enriched", "--no-follow", "--bus", bus], check=True, capture_output=True)
    values = [json.dumps(json.loads(line)["value"], separators=(",", ":"), ensure_ascii=False) for line in tail.stdout.splitlines()]
    span = max(time_of(json.loads(value)["time"]) for value in values) + 1
    path.write_text("".join(pressed(value, span) + "\n" for value in values))
    return len(values)


def ours(path, out, level):
    command = [ROOT / "target/release/examples/encode_file", path, out, str(level)]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


def in_python(engine):
    """Runs an engine in a process of its own: memory that one leaves behind is not another's."""
    def run(path, out, level):
        command = [sys.executable, __file__, "--engine", engine, str(path), str(out), str(level)]
        return float(subprocess.run(command, check=True, capture_output=True).stdout)
    return run


def pyarrow(path, out, level):
    import pyarrow as pa
    from pyarrow import json as pj, parquet as pq
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    begun = time.process_time()
    table = pj.read_json(path, read_options=pj.ReadOptions(use_threads=False, block_size=16 << 20))
    table = table.sort_by([(name, "ascending") for name in SORT])
    pq.write_table(table, out, compression="zstd", compression_level=level, row_group_size=ROWS, write_page_index=True)
    return time.process_time() - begun


def duckdb(path, out, level):
    import duckdb
    connection = duckdb.connect(config={"threads": 1})
    # Left to itself it takes ids for UUIDs and stores sixteen bytes of each: here they are texts, as in the other two.
    found = connection.execute(f"describe select * from read_ndjson('{path}')").fetchall()
    columns = {name: "VARCHAR" if kind == "UUID" else kind for name, kind, *_ in found}
    begun = time.process_time()
    connection.execute(
        f"copy (select * from read_ndjson('{path}', columns = {columns}) order by {', '.join(SORT)}) to '{out}' "
        f"(format parquet, compression zstd, compression_level {level}, row_group_size {ROWS})")
    return time.process_time() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=pathlib.Path, default=bench_replay.SAMPLE)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        engine, path, out, level = args.engine
        print({"pyarrow": pyarrow, "duckdb": duckdb}[engine](path, out, int(level)))
        return
    build = ["cargo", "build", "--release", "--quiet", "--workspace", "--bin", "tributary", "--example", "encode_file"]
    subprocess.run(build, cwd=ROOT, check=True)
    engines = {"tributary": ours, "pyarrow": in_python("pyarrow"), "DuckDB": in_python("duckdb")}
    lines = bench_replay.read(args.log)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for what, count, rounds in (("repeated", args.lines, args.rounds), ("as it is", len(lines), 1)):
            path = folder / "hits.ndjson"
            count = hits(args.log, count, path, folder / what)
            size = path.stat().st_size
            print(f"the log {what}: {count:,} hits, {size / 1e6:.0f} MB of NDJSON")
            best, sizes = measured(engines, path, folder, rounds)
            print(f"{'engine':<10} {'zstd':>4} {'seconds':>8} {'MB/s':>6} {'file':>11} {'a hit':>6}")
            for (name, level), seconds in best.items():
                file = sizes[name, level]
                print(f"{name:<10} {level:>4} {seconds:>8.2f} {size / 1e6 / seconds:>6.0f} {file:>11,} {file / count:>6.1f}")


def measured(engines, path, folder, rounds):
    """The best time and the file's size, of each engine at each level."""
    best, sizes = {}, {}
    for _ in range(rounds):
        for level in (1, 3):
            for name, run in engines.items():
                out = folder / f"{name}.parquet"
                seconds = run(path, out, level)
                best[name, level] = min(seconds, best.get((name, level), seconds))
                sizes[name, level] = os.path.getsize(out)
    return best, sizes


if __name__ == "__main__":
    main()
