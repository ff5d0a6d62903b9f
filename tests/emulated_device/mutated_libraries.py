"""Libraries of the emulated device with faults in them, for ./mutants.

Most faults are compiled in all at once, each behind a switch that a run's environment sets (SWITCH), since a source takes as long
to compile as hundreds of tests to run. A fault that cannot stand behind a switch (a declaration's, a template argument's, one
the compiler refuses there) gets a library of its own.
"""
import dataclasses
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from planted_faults import NOT_EMULATED, PLANTED, RULES

ROOT = pathlib.Path(__file__).resolve().parents[2]
SWITCH = "NTPGEO_PLANTED_FAULT"
# What the switched sources include. `a < less(n) << b` is `a < b`, or `a <= b` where fault n is on: the operator between has the
# precedence that needs no parentheses.
SWITCHES = f"""#pragma once
#include <cstdlib>
#include <type_traits>
namespace planted {{
inline const int chosen = [] {{ const char* text = std::getenv("{SWITCH}"); return text ? std::atoi(text) : 0; }}();
inline bool on(int fault) {{ return chosen == fault; }}
struct Less {{ bool or_equal; }};
inline Less less(int fault) {{ return {{on(fault)}}; }}
template <typename T> struct Bound {{ T value; bool or_equal; }};
template <typename T> Bound<T> operator<<(Less less, T value) {{ return {{value, less.or_equal}}; }}
template <typename T> auto operator<<(Bound<T> bound, int by) {{
  return Bound<decltype(bound.value << by)>{{bound.value << by, bound.or_equal}};
}}
template <typename A, typename T> bool operator<(const A& a, const Bound<T>& b) {{
  return b.or_equal ? a <= b.value : a < b.value;
}}
}}
"""


@dataclasses.dataclass(eq=False)
class Fault:
    """A place of a source, [begin, end) of its text, and what is put there."""
    path: pathlib.Path
    rule: str
    line: int
    words: str
    begin: int
    end: int
    new: str

    def text(self):
        text = self.path.read_text()
        return text[: self.begin] + self.new + text[self.end:]

    def switched(self, number, old):
        """`old` (in which other faults may be switched) or, where fault `number` is on, the new text; None where no switch can
        stand there. Holds as many line ends as `old`."""
        text = self.path.read_text()
        on, new = f"planted::on({number})", " ".join(self.new.split())
        if self.rule == "bound" and self.new == " <= ":
            return f" < planted::less({number}) << "
        if self.rule == "first element":
            return f"= threadIdx.x + ({on} ? 1 : 0);"
        if self.rule == "mask":
            return f"({on} ? 0x0000ffffU : {old[1:-1]},"
        declares = re.match(r"(const|auto|static)\b|[\w:<>]+ \w+ ?[={]", old)
        if old.endswith(";") and (not new or new.endswith(";")) and not declares:
            return f"{{ if ({on}) {{ {new} }} else {{ {old} }} }}"
        for sign, nothing in (("||", "false"), ("&&", "true"), ("+", "0")):
            whole = re.fullmatch(rf"(\s*)({re.escape(sign)})?(.+?)({re.escape(sign)})?(\s*)", old, re.DOTALL)
            if not new and (whole[2] is None) != (whole[4] is None) and balanced(whole[3].strip()):
                return f"{whole[1]}{whole[2] or ''} ({on} ? {nothing} : ({whole[3]})) {whole[4] or ''}{whole[5]}"
        stands_alone = is_operand(text[: self.begin], text[self.begin: self.end], text[self.end:])
        if new and not re.search("[;{}]", self.new + old) and balanced(old) and balanced(new) and stands_alone:
            return f"({on} ? ({new}) : ({old}))"
        return None


def balanced(text):
    """Whether `text` may be an expression: parentheses close, nothing dangles at its ends."""
    depth = 0
    for c in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(c, 0)
        if depth < 0:
            return False
    return depth == 0 and not re.search(r"^\s*([*/+|&?:,=]|<=?|>=?)|([*/+\-|&?:,=<>]|\breturn)\s*$", text)


# Operators by how closely they bind, the closest first; a place is looked up by the longest that fits.
BINDING = [("::", "->", ".", "(", "["), ("*", "/", "%"), ("+", "-"), ("<<", ">>"), ("<", ">", "<=", ">="), ("==", "!="), ("&",), ("^",),
           ("|",), ("&&",), ("||",)]
LOOSEST = len(BINDING)


def binding_of(operator):
    return next((k for k, operators in enumerate(BINDING) if operator in operators), LOOSEST)


def is_operand(before, place, after):
    """Whether parentheses around `place` change nothing of what is made of it: the operators beside it bind less closely than
    those in it do."""
    operators = r"::|->|<<|>>|[<>=!]=|&&|\|\||[-+*/%<>&^|.?:=,([]"
    left = re.search(rf"({operators})?\s*$", before)[1] or ""
    right = re.match(rf"\s*({operators})?", after)[1] or ""
    outermost = place
    while (inner := re.sub(r"(?<=[\w>\])])(\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|<[\w:, ]*>)|\([^()]*\)", "", outermost)) != outermost:
        outermost = inner
    loosest = max((binding_of(o) for o in re.findall(operators, outermost) if binding_of(o) > 0), default=0)
    beside = [binding_of(o) for o in (left if left not in ("(", "[") else "", right) if o]
    if "," in outermost or place.startswith("(") and re.search(r"[\w>\])]$", before):  # a list, a call's or a cast's
        return False
    return all(o == LOOSEST or o > loosest for o in beside)


def sources():
    return sorted(p for p in (ROOT / "kernels").rglob("*") if p.suffix in (".cu", ".cuh") and "port" not in p.parts
                  and p.name not in NOT_EMULATED)


def faults():
    """Every fault there is: those that rules find, line by line, then the planted ones."""
    for path in sources():
        at = 0
        for number, line in enumerate(path.read_text().split("\n"), 1):
            code = line.split("//")[0]
            if not code.lstrip().startswith(("template", "#include", "struct alignas")):
                for rule, pattern, new in RULES:
                    for found in pattern.finditer(code):
                        yield Fault(path, rule, number, line.strip(), at + found.start(), at + found.end(), new)
            at += len(line) + 1
    for name, old, new, rule in PLANTED:
        path = ROOT / name
        text = path.read_text()
        if old not in text:
            sys.exit(f"{name} no longer holds: {old}")
        begin, words = text.index(old), " ".join(f"{old} -> {new or 'nothing'}".split())
        while ", " in new and not old.endswith((";", ")")) and new.partition(", ")[0] == old.partition(", ")[0]:  # the first argument that differs
            begin += old.index(", ") + 2
            old, new = old.partition(", ")[2], new.partition(", ")[2]
        if old.endswith(",") and new.endswith(","):
            old, new = old[:-1], new[:-1]
        yield Fault(path, rule, text[:begin].count("\n") + 1, words, begin, begin + len(old), new)


def with_switches(text, numbered):
    """The text with `numbered` faults (number, fault) switched, and the numbers that could not be: a fault within another's place
    is switched within it, faults that overlap otherwise are not."""
    left_out = []

    def part(begin, end, inside):
        result, at = "", begin
        while inside:
            (number, fault), inside = inside[0], inside[1:]
            within = [f for f in inside if f[1].end <= fault.end]
            across = [f for f in inside if f[1].begin < fault.end < f[1].end]
            inside = [f for f in inside if f[1].begin >= fault.end]
            left_out.extend(n for n, _ in across)
            place = fault.switched(number, part(fault.begin, fault.end, within))
            if place is None:
                left_out.append(number)
                place = part(fault.begin, fault.end, within)
            result += text[at: fault.begin] + place
            at = fault.end
        return result + text[at:end]

    ordered = sorted(numbered, key=lambda f: (f[1].begin, -f[1].end))
    return part(0, len(text), ordered), left_out


class Build:
    """The emulated library's objects and the commands that made them."""

    def __init__(self, folder, sanitized=False):
        self.folder, self.sanitized = folder.resolve(), sanitized
        self.commands = {}
        for entry in json.loads((folder / "compile_commands.json").read_text()):
            command = entry.get("command", "")
            if "ntpgeo_device_emulated" in command:
                self.commands[pathlib.Path(entry["file"])] = shlex.split(command)
        if not self.commands:
            sys.exit(f"{folder}: has no target ntpgeo_device_emulated")
        self.tests = self.folder / "tests/cuda/cuda_emulated_tests"
        self.includers = {p: self.closure(p) for p in self.commands}

    def closure(self, path):
        seen, todo = set(), [path]
        while todo:
            current = todo.pop()
            if current in seen or not current.exists():
                continue
            seen.add(current)
            todo += [ROOT / name for name in re.findall(r'#include "(kernels/[^"]+)"', current.read_text())]
        return seen

    def compile(self, source, work, optimised="-O1"):
        """The object of `source`, where `work` may hold other sources in place of the repository's, and the compiler's words."""
        command, changed = self.commands[source], work / source.relative_to(ROOT)
        target = work / (source.name + ".o")
        arguments = [a for a in command if not re.fullmatch(r"-O\d", a)]
        # An element beyond an array whose length is known traps, even where nothing is made of it. A name that nothing uses
        # any more is no verdict.
        arguments[1:1] = [optimised, "-fsanitize=bounds", "-fsanitize-undefined-trap-on-error", f"-I{work}", "-w"]
        if (work / "switches.hpp").exists():
            arguments += ["-include", str(work / "switches.hpp")]
        arguments[arguments.index("-o") + 1] = str(target)
        arguments[arguments.index("-c") + 1] = str(changed if changed.exists() else source)
        done = subprocess.run(arguments, cwd=self.folder, capture_output=True, text=True, errors="replace")
        return (None if done.returncode else target), done.stderr

    @staticmethod
    def names(said, kind, work, fault):
        """Whether the compiler's words of that kind name a line of the fault."""
        file = re.escape(str(work / fault.path.relative_to(ROOT)))
        last = fault.line + fault.path.read_text()[fault.begin: fault.end].count("\n")
        return any(fault.line <= int(line) <= last for line in re.findall(rf"{file}:(\d+):(?:\d+:)? {kind}", said))

    def link(self, objects, work):
        library = work / "libntpgeo_device_emulated.so"
        original = next(self.folder.rglob("libntpgeo_device_emulated.so"))
        emulator = next(self.folder.rglob("libemulated_device.so"))
        subprocess.run(["g++", "-shared", "-o", str(library), *map(str, objects), str(emulator),
                        f"-Wl,-rpath,{emulator.parent}", f"-Wl,-soname,{original.name}"], check=True)
        return library

    def with_one(self, fault, work):
        """A library with one fault; None where it does not compile."""
        changed = work / fault.path.relative_to(ROOT)
        changed.parent.mkdir(parents=True)
        changed.write_text(fault.text())
        objects = []
        for source, command in self.commands.items():
            target = self.folder / command[command.index("-o") + 1]
            if fault.path in self.includers[source]:
                target, _ = self.compile(source, work)
            if target is None:
                return None
            objects.append(target)
        return self.link(objects, work)

    def with_switches(self, numbered, work, jobs):
        """A library with every fault of `numbered` (by number) behind its switch, and the numbers that have none in it."""
        without = set()

        def write():
            for path in {f.path for f in numbered.values()}:
                text, left_out = with_switches(path.read_text(), [(n, f) for n, f in numbered.items()
                                                                  if f.path == path and n not in without])
                without.update(left_out)
                place = work / path.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)

        (work / "switches.hpp").write_text(SWITCHES)
        objects, todo = {}, list(self.commands)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            while todo:
                write()
                known, results = len(without), list(pool.map(lambda s: self.compile(s, work, "-O2"), todo))
                objects.update((s, o) for s, (o, _) in zip(todo, results) if o)
                todo = [s for s, (o, _) in zip(todo, results) if not o]
                said = "".join(words for o, words in results if not o)
                for kind in ("error:", ""):
                    if len(without) == known:
                        without |= {n for n, f in numbered.items() if self.names(said, kind, work, f)}
                if todo and len(without) == known:
                    sys.exit(f"what was switched does not compile:\n{said[:2000]}")
        return self.link(objects.values(), work), without


def environment(library, switched=None):
    """A run's, with `library` in place of the build's, and the fault that is on in it."""
    result = dict(os.environ, LD_LIBRARY_PATH=str(library.parent))
    result.pop(SWITCH, None)
    return result if switched is None else result | {SWITCH: str(switched)}
