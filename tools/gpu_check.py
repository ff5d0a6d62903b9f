#!/usr/bin/env python3
"""Everything that ntpgeo has to show on a machine with a GPU, in one go and within five minutes, what matters most first:
does it run, the GPU tests, the main job beside the CPU's figures, the benchmarks, the peers on the same data, and
compute-sanitizer on some of the tests. Every part has a time limit of its own; a part that fails or ends late is said, and
the next one goes on; the JSON is written after each, so that a visit that is cut short leaves what it had. Python's
standard library alone.

Runs from a bundle, where it lies beside the programs, or from a build folder (--programs, --peers). Exit status: 0 every
part that could run went well, 1 a part failed, 2 wrong arguments, 77 there is no GPU here; the JSON is written in any case
but 2.
"""

import argparse
import glob
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NO_GPU = 77
ALL_SECONDS = 290
# Seconds each part may take. The peers share what is left when their turn comes, but for what the sanitizers are to have.
LIMITS = {"facts": 20, "gpu_tests": 60, "main_job": 40, "benchmarks": 90, "peer_problems": 20, "peer": 30, "memcheck": 30,
          "racecheck": 30}
SANITIZERS_SECONDS = 40
# Enough of every kernel of ours, and small enough for a tool that slows a program down a hundred times.
SANITIZED = ("Vectors.*:Update.*:Pattern.*:Dense.*:LossStep.*WhereARowSpansSeveralBlocks:LossStep.RedoesAContext*:"
             "LossStep.DetailAgrees*:-Dense.Multiply*:Dense.Gram*")
OUR_KERNELS = "kns=ntpgeo"
# Of the excess loss in fp64, relatively: the two add in other orders.
MAIN_JOB_DIFFERENCE = 1e-6
# Of the gradient that our operator makes through PyTorch, relatively, at either excess and in either precision (design 1.2).
OPERATOR_ERROR = 4e-3
SANITIZED_SMOKE = TESTS_SMOKE = "Vectors.Axpy:LossStep.FullSupports*"
# One line a script: our own operator, then the torch variants from the plainest to the one that compiles longest.
PEERS = (("gpu_operator.py",), ("gpu_torch.py", "--variant", "torch_eager"), ("gpu_liger.py",), ("gpu_cut_cross_entropy.py",), ("gpu_quack.py",),
         ("gpu_torch.py", "--variant", "torch_linear_cross_entropy"), ("gpu_torch.py", "--variant", "torch_compile"))


def cuda_folders(libraries):
    """Folders of CUDA's libraries in the usual places that hold some of `libraries`: a toolkit's, and those that
    Python's packages bring."""
    places = glob.glob("/usr/local/cuda*/lib64") + glob.glob("/usr/local/cuda*/targets/*/lib")
    packages = {path for path in sys.path if path.endswith("-packages")}
    packages.update(glob.glob("/usr/lib/python3*/*-packages") + glob.glob("/usr/local/lib/python3*/*-packages"))
    for folder in ("/opt/*", "/opt/*/*", "/opt/*/.venv"):
        packages.update(glob.glob(f"{folder}/lib/python3*/site-packages"))
    packages.update(glob.glob(str(Path.home() / ".local/lib/python3*/site-packages")))
    for package in sorted(packages):
        places += glob.glob(f"{package}/nvidia/*/lib")
    return [place for place in places if any(os.path.exists(f"{place}/{name}") for name in libraries)]


def python_with_torch():
    """An interpreter that imports torch; this one where none does."""
    candidates = [os.environ.get("NTPGEO_PYTHON"), sys.executable, "python3", "python", "/opt/conda/bin/python"]
    for candidate in candidates:
        if candidate and shutil.which(candidate):
            try:
                probe = subprocess.run([candidate, "-c", "import torch"], capture_output=True, timeout=60)
            except subprocess.TimeoutExpired:
                continue
            if probe.returncode == 0:
                return candidate
    return sys.executable


def compute_sanitizer():
    places = [shutil.which("compute-sanitizer")] + sorted(glob.glob("/usr/local/cuda*/bin/compute-sanitizer"))
    return next((place for place in places if place and os.access(place, os.X_OK)), None)


def driver_version():
    try:
        asked = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
                               capture_output=True, text=True, timeout=20)
        if asked.returncode == 0:
            return asked.stdout.splitlines()[0].strip()
    except (OSError, subprocess.TimeoutExpired, IndexError):
        pass
    return None


def commit_of_sources():
    # A bundle says itself what it was made from.
    try:
        asked = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"],
                               capture_output=True, text=True, timeout=20)
        return asked.stdout.strip() or None
    except (OSError, subprocess.TimeoutExpired):
        return None


def read_json(path):
    """What a program wrote; of Google Benchmark's list that was cut short, the complete entries."""
    try:
        text = Path(path).read_text()
    except OSError:
        return None
    for attempt in (text, text.rstrip().rstrip(",") + "]}", text[:text.rfind("},") + 1] + "]}"):
        try:
            return json.loads(attempt)
        except ValueError:
            continue
    return None


class Check:
    def __init__(self, arguments):
        self.path = arguments.json.resolve()
        self.programs, self.peers, self.smoke = arguments.programs, arguments.peers, arguments.smoke
        self.limits = {**LIMITS, **dict(arguments.limit)}
        self.start = time.monotonic()
        self.scratch = Path(tempfile.mkdtemp(prefix="ntpgeo-gpu-check-"))
        about = read_json(self.programs / "ABOUT.json") or {}
        self.report = {"format": "ntpgeo.gpu-check.1", "status": "ok",
                       "commit": about.get("commit") or commit_of_sources(), "toolkit": about.get("toolkit"),
                       "driver": driver_version(), "parts": [], "main_job": None, "benchmarks": None, "peers": []}
        self.needs_glibc = about.get("needs_glibc")
        folders = cuda_folders(about.get("needs_cuda_libraries", []))
        self.report["cuda_libraries_from"] = folders
        self.environment = dict(os.environ)
        if folders:
            kept = [os.environ["LD_LIBRARY_PATH"]] if os.environ.get("LD_LIBRARY_PATH") else []
            self.environment["LD_LIBRARY_PATH"] = ":".join(folders + kept)

    def left(self):
        return ALL_SECONDS - (time.monotonic() - self.start)

    def add(self, name, status, seconds=0.0, why=None, **more):
        part = {"name": name, "status": status, "seconds": round(seconds, 2)}
        if why:
            part["why"] = why
        self.report["parts"].append({**part, **more})
        print(f"gpu-check: {name:16} {status:8} {seconds:6.1f} s{'  ' + why if why else ''}", flush=True)
        if status == "failed":
            self.report["status"] = "failed"
        self.write()

    def run(self, name, command, limit, environment=None):
        """Runs a part's command; returns (exit status or None where it ended late, output, seconds)."""
        limit = max(1, min(limit, self.left()))
        start = time.monotonic()
        # A session of its own, so that what it started ends with it.
        with tempfile.TemporaryFile() as output:
            try:
                child = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.STDOUT,
                                         stdin=subprocess.DEVNULL, env=environment or self.environment,
                                         cwd=self.scratch, start_new_session=True)
            except OSError as error:
                return 127, str(error), 0.0
            try:
                status = child.wait(timeout=limit)
            except (subprocess.TimeoutExpired, KeyboardInterrupt) as stop:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                if isinstance(stop, KeyboardInterrupt):
                    raise
                status = None
            output.seek(0)
            text = output.read().decode(errors="replace")
        return status, text, time.monotonic() - start

    def part(self, name, command, limit, late="failed", **more):
        """Runs a part that is well where its command ends with 0, and is `late` where it is stopped; returns its
        output."""
        status, text, seconds = self.run(name, command, limit)
        if status == 0:
            self.add(name, "ok", seconds, **more)
        elif status is None:
            self.add(name, late, seconds, f"ended late, after {seconds:.0f} s", output_tail=text[-3000:], **more)
        else:
            self.add(name, "failed", seconds, f"exit status {status}", output_tail=text[-3000:], **more)
        return text

    def glibc_is_too_old(self):
        have = platform.libc_ver()[1]
        as_numbers = lambda text: tuple(int(part) for part in re.findall(r"\d+", text))
        return have if self.needs_glibc and have and as_numbers(have) < as_numbers(self.needs_glibc) else None

    def look(self):
        """Whether there is a GPU: True, or False with the report saying why not."""
        program = self.programs / "ntpgeo_gpu_bench"
        if not program.exists():
            if any(os.path.exists(node) for node in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")):
                self.add("facts", "failed", why=f"{program} is not there")
            else:
                self.skip_all("no NVIDIA driver is installed")
            return False
        if too_old := self.glibc_is_too_old():
            self.add("facts", "failed", why=f"this machine has glibc {too_old}, the bundle needs {self.needs_glibc}")
            return False
        status, text, seconds = self.run("facts", [program, "--facts"], self.limits["facts"])
        try:
            facts = json.loads(text.splitlines()[-1]) if status == 0 else None
        except (ValueError, IndexError):
            facts = None
        if facts is None:
            self.add("facts", "failed", seconds, f"{program.name} does not start: {text.strip()[-300:]}")
            return False
        if facts["devices"] == 0:
            self.skip_all(facts["why"])
            return False
        self.report.update(facts)
        if self.report["toolkit"] is None:
            self.report["toolkit"] = f"CUDA {facts['runtime_cuda'] // 1000}.{facts['runtime_cuda'] % 1000 // 10}"
        self.add("facts", "ok", seconds, facts["gpu"])
        if facts.get("no_epilogue_kernel"):
            self.add("epilogue", "skipped", why=facts["no_epilogue_kernel"])
        return True

    def skip_all(self, why):
        self.report.update(status="skipped", why=f"no GPU: {why}")
        print(f"gpu-check: skipped, no GPU: {why}", flush=True)

    def gpu_tests(self):
        results = self.scratch / "tests.json"
        command = [self.programs / "cuda_tests", f"--gtest_output=json:{results}"]
        if self.smoke:
            command.append(f"--gtest_filter={TESTS_SMOKE}")
        self.part("gpu_tests", command, self.limits["gpu_tests"])
        counts = read_json(results) or {}
        part = self.report["parts"][-1]
        part.update({key: counts.get(key) for key in ("tests", "failures", "disabled")})
        part["failed_tests"] = [f"{suite['name']}.{test['name']}" for suite in counts.get("testsuites", [])
                                for test in suite["testsuite"] if test.get("failures")]

    def main_job(self):
        """data -> train -> metrics -> report on the GPU and on the CPU, in fp64: what the two come to; and twice in bf16 with the
        virtual shards of many ranks, on one: whether the bits are the same."""
        program, steps = self.programs / "ntpgeo", 5 if self.smoke else 600
        data, until = self.scratch / "stories.safetensors", time.monotonic() + self.limits["main_job"]
        figures = {"steps": steps}
        commands = [("data", [program, "data", "stories", "-o", data])]
        for device in ("cuda", "cpu"):
            commands.append((device, [program, "train", data, "-o", self.scratch / device, "--device", device, "--precision",
                                      "fp64", "--dim", "32", "--steps", steps, "--metrics-every", steps]))
        for name in ("shards", "shards_again"):
            commands.append((name, [program, "train", data, "-o", self.scratch / name, "--device", "cuda", "--precision", "bf16",
                                    "--dim", "32", "--steps", min(steps, 100), "--metrics-every", steps, "--shards", "16"]))
        commands.append(("report", [program, "report", self.scratch / "cuda", self.scratch / "cpu", "-o",
                                    self.scratch / "report.html"]))
        started = time.monotonic()
        for name, command in commands:
            status, text, seconds = self.run(name, command, until - time.monotonic())
            if status != 0:
                why = f"{name} ended late" if status is None else f"{name}: exit status {status}"
                self.add("main_job", "failed", time.monotonic() - started, why, output_tail=text[-3000:])
                return
            figures[f"{name}_seconds"] = round(seconds, 2)
        for device in ("cuda", "cpu"):
            last = (self.scratch / device / "metrics.jsonl").read_text().splitlines()[-1]
            figures[device] = {key: json.loads(last)[key] for key in ("step", "excess_loss", "dominance", "collapse")}
        gpu, cpu = figures["cuda"]["excess_loss"], figures["cpu"]["excess_loss"]
        figures["relative_difference"] = abs(gpu - cpu) / cpu
        first, second = ((self.scratch / name / "result.safetensors").read_bytes() for name in ("shards", "shards_again"))
        figures["shards_have_the_same_bits"] = first == second
        self.report["main_job"] = figures
        alike = figures["relative_difference"] <= MAIN_JOB_DIFFERENCE and first == second
        words = f"excess loss {gpu:.6e} on the GPU, {cpu:.6e} on the CPU; shards {'agree' if first == second else 'differ'} between two runs"
        self.add("main_job", "ok" if alike else "failed", time.monotonic() - started, words)

    def sanitize(self, tool):
        program = compute_sanitizer()
        if not program:
            self.add(tool, "skipped", why="this machine has no compute-sanitizer")
            return
        tests = SANITIZED_SMOKE if self.smoke else SANITIZED
        # What it has checked by then without an error counts.
        self.part(tool, [program, "--tool", tool, "--error-exitcode", "9", "--kernel-name", OUR_KERNELS,
                         self.programs / "cuda_tests", f"--gtest_filter={tests}"], self.limits[tool], "incomplete")

    def benchmarks(self):
        results, limit = self.scratch / "bench.json", min(self.limits["benchmarks"], self.left())
        command = [self.programs / "ntpgeo_gpu_bench", "--seconds", f"{max(1.0, limit - 25):.0f}",
                   f"--benchmark_out={results}", "--benchmark_out_format=json"]
        text = self.part("benchmarks", command + (["--smoke"] if self.smoke else []), limit)
        self.report["benchmarks"] = read_json(results)
        cases = (self.report["benchmarks"] or {}).get("benchmarks", [])
        part = self.report["parts"][-1]
        part["cases"] = len(cases)
        part["over_predicted"] = {case["name"]: round(case["over_predicted"], 3) for case in cases if "over_predicted" in case}
        part["cases_without_result"] = [case["name"] for case in cases if case.get("error_occurred")]
        print(text, flush=True)

    def run_peers(self):
        problems = self.scratch / "problems"
        command = [self.programs / "ntpgeo_gpu_bench", "--write-problems", problems]
        self.part("peer_problems", command + (["--smoke"] if self.smoke else []), self.limits["peer_problems"])
        if self.report["parts"][-1]["status"] != "ok":
            return
        python = python_with_torch()
        for index, (script, *options) in enumerate(PEERS):
            name = options[-1] if options else script.removeprefix("gpu_").removesuffix(".py")
            left = self.left() - SANITIZERS_SECONDS
            limit = min(self.limits["peer"], max(left / (len(PEERS) - index), 15), left)
            if limit < 5:
                self.add(name, "skipped", why="out of time")
                continue
            # Not with CUDA's libraries that our programs were given: PyTorch brings its own.
            status, text, seconds = self.run(
                name, [python, self.peers / script, problems, "--seconds", f"{max(1.0, limit - 15):.0f}", *options], limit,
                environment={**os.environ, "PYTHONDONTWRITEBYTECODE": "1",
                             "NTPGEO_LIBRARY": str(self.programs / "libntpgeo.so")})
            lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            self.report["peers"] += lines
            measured = [line for line in lines if line["status"] == "ok"]
            why = next((line["why"] for line in lines if line["status"] != "ok"), None)
            ours = name == "operator"
            if ours and (error := max((line[key] for line in measured for key in line if key.startswith("gradient_error")),
                                      default=0)) > OPERATOR_ERROR:
                lines[-1]["status"], why = "failed", f"its gradient is off by {error:.1e}"
            if status is None:
                why = f"ended late, after {seconds:.0f} s"
            # A peer that does not run here is no fault of ours; one that is ours, and starts, has to.
            if ours and any(line["status"] == "failed" for line in lines):
                self.add(name, "failed", seconds, why)
            elif measured:
                self.add(name, "ok", seconds, f"{len(measured)} of {len(lines)} cases" + (f"; {why}" if why else ""))
            else:
                self.add(name, "skipped", seconds, why or f"exit status {status}: {text.strip()[-300:]}")
            for line in lines:
                print(json.dumps(line), flush=True)

    def everything(self):
        if not self.look():
            return
        for part in (self.gpu_tests, self.main_job, self.benchmarks, self.run_peers, lambda: self.sanitize("memcheck"),
                     lambda: self.sanitize("racecheck")):
            if self.left() < 5:
                self.report.update(status="failed", why="out of time")
                break
            try:
                part()
            except Exception as error:  # goes on past whatever a part does
                self.add(getattr(part, "__name__", "part"), "failed", why=f"{type(error).__name__}: {error}")

    def write(self, whole=False):
        self.report["seconds"] = round(time.monotonic() - self.start, 1)
        report = self.report if whole else {**self.report, "status": "failed", "why": "cut short"}
        partial = self.path.with_name(self.path.name + ".partial")
        partial.write_text(json.dumps(report, indent=1) + "\n")
        partial.replace(self.path)

    def finish(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.write(whole=True)
        print(f"gpu-check: {self.report['status']}, {self.report['seconds']:.0f} s, {self.path}", flush=True)
        return {"ok": 0, "skipped": NO_GPU}.get(self.report["status"], 1)


def part_and_seconds(text):
    name, _, seconds = text.partition("=")
    if name not in LIMITS or not re.fullmatch(r"\d+(\.\d+)?", seconds):
        raise argparse.ArgumentTypeError(f"'{text}' is not PART=SECONDS with a part of {', '.join(LIMITS)}")
    return name, float(seconds)


def main():
    parser = argparse.ArgumentParser(prog="gpu-check", description=__doc__.split("\n\n")[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=Path("gpu-check.json"), help="the results (gpu-check.json)")
    parser.add_argument("--programs", type=Path, default=HERE, help="folder of the programs (where this script is)")
    parser.add_argument("--peers", type=Path, help="folder of the peers' scripts (PROGRAMS/peers)")
    parser.add_argument("--smoke", action="store_true", help="smallest sizes of everything, to try the whole way")
    parser.add_argument("--limit", type=part_and_seconds, action="append", default=[], metavar="PART=SECONDS",
                        help=f"another time limit: {', '.join(f'{k} {v}' for k, v in LIMITS.items())}")
    arguments = parser.parse_args()
    arguments.programs = arguments.programs.resolve()
    arguments.peers = (arguments.peers or arguments.programs / "peers").resolve()
    if not arguments.json.resolve().parent.is_dir() or arguments.json.is_dir():
        parser.error(f"--json {arguments.json}: no file can be written there")
    if not arguments.programs.is_dir():
        parser.error(f"--programs {arguments.programs}: there is no such folder")
    check = Check(arguments)
    try:
        check.everything()
    except KeyboardInterrupt:
        check.report.update(status="failed", why="interrupted")
    return check.finish()


if __name__ == "__main__":
    sys.exit(main())
