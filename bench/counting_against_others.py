"""Tokens a second of `ntpgeo data tokens` against NumPy's unique, DuckDB's GROUP BY and `sort | uniq -c`.

    python bench/counting_against_others.py [--tokens 1e8] [--sort-tokens 1e7] [--memory 2GB] [--contexts M] [--runs 3]
        [--kills 20]

Windows of three tokens and the next one in a seeded Zipf-Markov text of 50,257 words, kept in a temporary folder as uint16.
Each counter is a process of its own, from the file to its counts, two threads each where it has threads; ntpgeo writes
its data set besides. All run in turn, so often as --runs says, and each one's median counts: memory that a machine has not given
out before takes it longer to clear. Then ntpgeo is killed at so many moments, and what it leaves and its next run are looked at.
Prints a Markdown table. Needs NumPy; DuckDB is left out where it is not installed.
"""

import argparse
import hashlib
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

VOCAB, LENGTH = 50_257, 3
PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build" / "ntpgeo"

NUMPY = """
import sys, numpy
ids = numpy.fromfile(sys.argv[1], numpy.uint16).astype(numpy.uint64)
keys = ids[:-3] << numpy.uint64(48) | ids[1:-2] << numpy.uint64(32) | ids[2:-1] << numpy.uint64(16) | ids[3:]
del ids
keys, counts = numpy.unique(keys, return_counts=True)
print(len(keys), counts.sum())
"""
DUCKDB = """
import sys, numpy, duckdb
ids = numpy.fromfile(sys.argv[1], numpy.uint16).astype(numpy.uint64)
keys = ids[:-3] << numpy.uint64(48) | ids[1:-2] << numpy.uint64(32) | ids[2:-1] << numpy.uint64(16) | ids[3:]
del ids
duckdb.sql("set threads to 2; set enable_progress_bar = false")
print(*duckdb.sql("select count(*), sum(n) from (select column0, count(*) n from keys group by column0)").fetchall()[0])
"""
SORT = """
import subprocess, sys, numpy
pipe = subprocess.Popen("LC_ALL=C sort --parallel=2 -S 1G -T . | LC_ALL=C uniq -c | wc -l", shell=True, stdin=subprocess.PIPE)
ids = numpy.fromfile(sys.argv[1], numpy.uint16, int(sys.argv[2]))
for begin in range(0, len(ids) - 3, 1 << 20):
    part = ids[begin:begin + (1 << 20) + 3]
    words = [str(word) for word in part.tolist()]
    pipe.stdin.write("".join(map("%s %s %s %s\\n".__mod__, zip(words, words[1:], words[2:], words[3:]))).encode())
pipe.stdin.close()
sys.exit(pipe.wait())
"""


def write_text(path, tokens):
    """Many chains side by side, one behind the other: a word's followers are Zipf-distributed over words of its own, the
    first of them far ahead, and all words together nearly so."""
    import numpy

    chains = 10_000
    random = numpy.random.default_rng(16)
    word = numpy.zeros(chains, numpy.uint64)
    steps = -(-tokens // chains)
    text = numpy.empty((steps, chains), numpy.uint16)
    for step in range(steps):
        rank = (VOCAB ** (random.random(chains) ** 2)).astype(numpy.uint64)
        mixed = (word + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15) + rank * numpy.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> numpy.uint64(32)
        mixed *= numpy.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> numpy.uint64(29)
        word = (VOCAB ** ((mixed >> numpy.uint64(11)) * 2.0**-53)).astype(numpy.uint64) - numpy.uint64(1)
        text[step] = word
    numpy.ascontiguousarray(text.T).reshape(-1)[:tokens].tofile(path)


def timed(command, folder, **more):
    """Seconds, those of its processors, the greatest resident memory in bytes, and what it printed."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, **more)
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, printed


def row(name, tokens, seconds, of_processors, memory, note):
    print(f"| {name} | {tokens:,} | {seconds:.2f} | {of_processors:.2f} | {tokens / seconds / 1e6:.2f} | {memory / 1e6:,.0f} | {note} |", flush=True)


def kill_at(moments, command, folder, seconds):
    """Starts the command anew for each moment and kills it there; what is left, and whether the next run is right."""
    expected = hashlib.sha256((folder / "ds").read_bytes()).hexdigest()
    (folder / "ds").unlink()
    before = sorted(os.listdir(folder))
    free = os.statvfs(folder).f_bavail
    killed = 0
    for moment in range(moments):
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds * (moment + 0.5) / moments)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        left = sorted(set(os.listdir(folder)) - set(before))
        if left and left != ["ds"]:
            sys.exit(f"killed at moment {moment}: left {left}")
        if left:
            (folder / "ds").unlink()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    same = hashlib.sha256((folder / "ds").read_bytes()).hexdigest() == expected
    kept = (free - os.statvfs(folder).f_bavail) * os.statvfs(folder).f_frsize - (folder / "ds").stat().st_size
    print(f"\nKilled at {killed} of {moments} moments: no file left; the next run's data set is "
          f"{'the same' if same else 'ANOTHER'}; {max(kept, 0) / 1e6:.0f} MB of the disk's are gone besides.")
    if not same:
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=float, default=1e8)
    parser.add_argument("--sort-tokens", type=float, default=1e7)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--contexts")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--folder")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    given = parser.parse_args()
    tokens, given_tokens = int(given.tokens), str(given.tokens)
    if given.write:
        return write_text(given.write, tokens)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = pathlib.Path(name)
        text = str(folder / "text.bin")
        # In a process of its own: what one has in memory counts as the peak of those that it starts.
        subprocess.run([sys.executable, __file__, "--write", text, "--tokens", given_tokens], check=True)
        ours = [str(PROGRAM), "data", "tokens", text, "-o", "ds", "--context", str(LENGTH), "--vocab", str(VOCAB), "--device", "cpu",
                "--memory", given.memory]
        if given.contexts:
            ours += ["--contexts", given.contexts]
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
        print("| counter | tokens | seconds | processor seconds | million tokens/s | peak memory, MB | |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |")
        some = min(int(given.sort_tokens), tokens)
        python = [sys.executable, "-c"]
        counters = {f"ntpgeo, --memory {given.memory}": (ours, tokens), "numpy.unique": ([*python, NUMPY, text], tokens),
                    "sort | uniq -c": ([*python, SORT, text, str(some)], some)}
        if subprocess.run([*python, "import duckdb"], stderr=subprocess.DEVNULL).returncode == 0:
            counters["DuckDB, GROUP BY"] = ([*python, DUCKDB, text], tokens)
        runs = {name: [] for name in counters}
        for _ in range(given.runs):
            for name, (command, _) in counters.items():
                runs[name].append(timed(command, folder))
        medians = {name: statistics.median(run[0] for run in runs[name]) for name in counters}
        ours_name = next(iter(counters))
        for name, (_, counted) in counters.items():
            printed = runs[name][-1][3]
            if name == ours_name:
                note = next(line for line in printed.splitlines() if line.startswith("contexts")).split(None, 1)[1]
            else:
                note = f"{int(printed.split()[0]):,} distinct windows"
                if counted == tokens:
                    note += f"; ntpgeo {medians[name] / medians[ours_name]:.1f} times as fast"
            row(name, counted, medians[name], statistics.median(run[1] for run in runs[name]), max(run[2] for run in runs[name]), note)
        if given.kills:
            kill_at(given.kills, ours, folder, medians[ours_name])


if __name__ == "__main__":
    main()
