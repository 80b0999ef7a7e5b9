#!/usr/bin/env python3
"""Replays one access log repeated many times: lines a second from file to lake, and the most memory it took. Then the lake
that this made is sessionized anew into another one, and measured likewise.

  tools/bench_replay.py [--log ACCESS_LOG[.gz]] [--lines 2000000]

Each repetition is shifted in time so that it begins after the one before has ended: a log as a server would have
written it, with every session of its own. Runs a quarter of the lines first: memory that grew with the input would
show. Builds the binary if it must, works in a temporary folder, and prints a table."""
import argparse, datetime as dt, gzip, json, os, pathlib, re, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "crates/tributary/tests/data/access_sample.log"
STAMP = re.compile(rb"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d) \+0000\]")
FORM = "%d/%b/%Y:%H:%M:%S"


def read(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        return [line for line in file.read().split(b"\n") if STAMP.search(line)]


def repeat(lines, count, path):
    """Writes `count` lines, whole repetitions shifted by the log's own length."""
    times = [dt.datetime.strptime(STAMP.search(line)[1].decode(), FORM) for line in lines]
    parts = [STAMP.split(line, maxsplit=1) for line in lines]
    span = max(times) - min(times) + dt.timedelta(hours=1)
    with open(path, "wb") as out:
        for n in range(count):
            shift, at = divmod(n, len(lines))
            stamp = (times[at] + span * shift).strftime(FORM).encode()
            before, _, after = parts[at]
            out.write(b"%s[%s +0000]%s\n" % (before, stamp, after))


def replay(*args):
    """The summary of a replay, with the most memory that it took."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([ROOT / "target/release/tributary", "replay", "--json", *args], stdout=out, stderr=subprocess.PIPE)
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(said)
        out.seek(0)
        return json.load(out) | {"rss_mib": usage.ru_maxrss / 1024}


def once(log, lines):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        repeat(read(log), lines, folder / "access.log")
        yield "replay", replay(folder / "access.log", "--format", "combined", "--lake", folder / "lake")
        (folder / "access.log").unlink()
        anew = replay("--format", "lake", folder / "lake", "--lake", folder / "anew")
        yield "backfill", anew


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=pathlib.Path, default=SAMPLE)
    parser.add_argument("--lines", type=int, default=2_000_000)
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--workspace", "--bin", "tributary", "--test", "layout"], cwd=ROOT, check=True)
    print(f"{'':<8} {'hits':>10} {'sessions':>10} {'late':>6} {'seconds':>8} {'hits/s':>9} {'peak RSS':>9}")
    for lines in (args.lines // 4, args.lines):
        for what, figures in once(args.log, lines):
            rate = figures["read"] / figures["seconds"]
            print(f"{what:<8} {figures['read']:>10,} {figures['sessions']:>10,} {figures['late']:>6,} {figures['seconds']:>8.1f} {rate:>9,.0f} {figures['rss_mib']:>6.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
