"""gpu-check with programs that only pretend: what it makes of no GPU, of a part that fails, of one that hangs, and of results
that were cut short. With --emulated PROGRAMS SOURCES it goes the whole way at the smallest sizes, on the emulated device."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
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


def pretend(folder, facts=FACTS, tests="exit 0", cases=CASES + "]}", excess=("1e-3", "1.0000000001e-3"), bits="echo"):
    """Programs that answer with what they are told; ntpgeo train with an excess loss on the GPU and on the CPU, and a result."""
    record = '{"step": 600, "excess_loss": %s, "dominance": 1, "collapse": null}'
    program = f"""
        [ "$1" = train ] || exit 0
        mkdir "$4" && {bits} > "$4/result.safetensors" && case $6 in
            cuda) echo '{record % excess[0]}' ;;
            cpu) echo '{record % excess[1]}' ;;
        esac > "$4/metrics.jsonl\""""
    scripts = {"cuda_tests": tests, "ntpgeo": program, "ntpgeo_gpu_bench": f"""
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
        order = [part["name"] for part in report["parts"]]
        expect(order[:4] == ["facts", "gpu_tests", "main_job", "benchmarks"] and order[-2:] == ["memcheck", "racecheck"],
               f"what matters most comes first: {order}")
        expect(0 < report["main_job"]["relative_difference"] < 1e-9, "the main job's figures stand beside the CPU's")

        # Our operator, unlike a peer, has to do well where it starts.
        for line, expected in (('"status": "ok", "gradient_error_at_1e-2": 1e-3', "ok"),
                               ('"status": "ok", "gradient_error_at_1e-2": 1e-1', "failed"),
                               ('"status": "failed", "why": "pretended"', "failed"),
                               ('"status": "skipped", "why": "no torch"', "skipped")):
            (Path(folder) / "peers" / "gpu_operator.py").write_text(f"print('{{{line}}}')")
            status, report = gpu_check("--programs", folder)
            expect(parts_of(report)["operator"]["status"] == expected, f"the operator that says {line} is {expected}")
            expect(status == (1 if expected == "failed" else 0), f"with it the exit status is not {status}")
        (Path(folder) / "peers" / "gpu_operator.py").unlink()

        pretend(folder, excess=("1e-3", "1.1e-3"))
        status, report = gpu_check("--programs", folder)
        expect(status == 1 and parts_of(report)["main_job"]["status"] == "failed", "another loss than the CPU's is a failure")
        pretend(folder, bits="date +%N")
        status, report = gpu_check("--programs", folder)
        expect(status == 1 and not report["main_job"]["shards_have_the_same_bits"], "two runs with other bits are a failure")

        # Killed in the middle, as a machine that is taken away does it.
        pretend(folder, tests="sleep 60")
        path = Path(folder) / "cut.json"
        running = subprocess.Popen([sys.executable, SCRIPT, "--json", path, "--programs", folder], stdout=subprocess.DEVNULL,
                                   start_new_session=True)
        deadline = time.monotonic() + 30
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        report = json.loads(path.read_text())
        expect(report["why"] == "cut short" and parts_of(report)["facts"]["status"] == "ok", "what was there by then is kept")

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
        for name, path in (("ntpgeo", "tests/cuda/ntpgeo_emulated"), ("cuda_tests", "tests/cuda/cuda_emulated_tests"),
                           ("ntpgeo_gpu_bench", "ntpgeo_gpu_bench_emulated")):
            os.symlink(Path(programs) / path, Path(folder) / name)
        status, report = gpu_check("--programs", folder, "--peers", Path(sources) / "bench" / "peers", "--smoke",
                                   "--limit", "main_job=100", "--limit", "benchmarks=160")
    expect(status == 0 and report["status"] == "ok", f"the whole way is well: exit status {status}")
    expect(parts_of(report)["gpu_tests"]["tests"] > 0, "tests ran")
    expect(report["main_job"]["cuda"]["step"] == 5, "the main job ran")
    steps = [case for case in report["benchmarks"]["benchmarks"] if "/loss_step/" in case["name"]]
    expect(len(steps) == 13 and all(case["ratio_to_gemm"] > 0 for case in steps), "every loss step has its ratio")
    expect(all("status" in line for line in report["peers"]) and len(report["peers"]) >= 6, "every peer has said a line")


if sys.argv[1:2] == ["--emulated"]:
    emulated(*sys.argv[2:])
else:
    pretended()
sys.exit(1 if failures else 0)
