"""gpu-check with programs that only pretend: what it makes of no GPU, of a part that fails, of one that hangs, and of results
that were cut short. With --emulated PROGRAMS SOURCES it goes the whole way at the smallest sizes, on the emulated device."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "gpu_check.py"
FACTS = '{"devices": 1, "gpu": "pretended", "runtime_cuda": 13000}'
CASES = '{"context": {}, "benchmarks": [{"name": "one", "ratio_to_gemm": 1.1},\n {"name": "two", "ratio_to_gemm": 1.2}'
failures = 0


def expect(condition, what):
    global failures
    if not condition:
        failures += 1
        print(f"not so: {what}")


def gpu_check(*options):
    """Exit status, and the report or None."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.json"
        ended = subprocess.run([sys.executable, SCRIPT, "--json", path, *map(str, options)], capture_output=True, text=True)
        print(ended.stdout + ended.stderr)
        return ended.returncode, json.loads(path.read_text()) if path.exists() else None


def pretend(folder, facts=FACTS, tests="exit 0", cases=CASES + "]}"):
    """Programs that answer with what they are told."""
    scripts = {"cuda_tests": tests, "ntpgeo": "exit 0", "ntpgeo_gpu_bench": f"""
        for word in "$@"; do
            case $word in
                --facts) echo '{facts}'; exit 0 ;;
                --benchmark_out=*) printf '%s' '{cases}' > "${{word#*=}}" ;;
            esac
        done"""}
    for name, script in scripts.items():
        program = Path(folder) / name
        program.write_text("#!/bin/sh\n" + script + "\n")
        program.chmod(0o755)
    (Path(folder) / "peers").mkdir(exist_ok=True)


def parts_of(report):
    return {part["name"]: part for part in report["parts"]}


def pretended():
    with tempfile.TemporaryDirectory() as folder:
        pretend(folder, facts='{"devices": 0, "why": "none was pretended"}')
        status, report = gpu_check("--programs", folder)
        expect(status == 77, f"without a GPU the exit status is 77, not {status}")
        expect(report["status"] == "skipped" and "none was pretended" in report["why"], "the report says why")

        pretend(folder)
        status, report = gpu_check("--programs", folder)
        expect(status == 0 and report["status"] == "ok", "all is well")
        expect(report["gpu"] == "pretended" and "commit" in report and "driver" in report, "the report names its subject")
        expect(len(report["benchmarks"]["benchmarks"]) == 2, "the benchmarks' results are there")

        pretend(folder, tests="echo broken; exit 1")
        status, report = gpu_check("--programs", folder)
        parts = parts_of(report)
        expect(status == 1 and report["status"] == "failed", "a part that fails is a failure")
        expect("broken" in parts["gpu_tests"]["output_tail"], "the part's output is kept")
        expect(parts["benchmarks"]["status"] == "ok", "it goes on past a part that fails")

        pretend(folder, tests="sleep 60 & wait", cases=CASES + ", {\"na")
        status, report = gpu_check("--programs", folder, "--limit", "gpu_tests=1")
        parts = parts_of(report)
        expect("ended late" in parts["gpu_tests"].get("why", ""), "a part that hangs is ended")
        expect(parts["gpu_tests"]["seconds"] < 10, "in time")
        expect([case["name"] for case in report["benchmarks"]["benchmarks"]] == ["one", "two"],
               "of results that were cut short the complete ones are kept")

    for wrong in (["--programs", "/nonexistent"], ["--limit", "lunch=1"], ["--bogus"]):
        status, report = gpu_check(*wrong)
        expect(status == 2 and report is None, f"{wrong} is refused with 2")


def emulated(programs, sources):
    with tempfile.TemporaryDirectory() as folder:
        for name, path in (("ntpgeo", "ntpgeo"), ("cuda_tests", "tests/cuda/cuda_emulated_tests"),
                           ("ntpgeo_gpu_bench", "ntpgeo_gpu_bench_emulated")):
            os.symlink(Path(programs) / path, Path(folder) / name)
        status, report = gpu_check("--programs", folder, "--peers", Path(sources) / "bench" / "peers", "--smoke")
    expect(status == 0 and report["status"] == "ok", f"the whole way is well: exit status {status}")
    expect(parts_of(report)["gpu_tests"]["tests"] > 0, "tests ran")
    steps = [case for case in report["benchmarks"]["benchmarks"] if "/loss_step/" in case["name"]]
    expect(len(steps) == 13 and all(case["ratio_to_gemm"] > 0 for case in steps), "every loss step has its ratio")
    expect(all("status" in line for line in report["peers"]) and len(report["peers"]) >= 6, "every peer has said a line")


if sys.argv[1:2] == ["--emulated"]:
    emulated(*sys.argv[2:])
else:
    pretended()
sys.exit(1 if failures else 0)
