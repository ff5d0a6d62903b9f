"""Has `ntpgeo analyze` read one matrix in every form that NumPy and safetensors write or read, and compares its records.

    python3 matrix_forms.py NTPGEO

Each form is first read back by NumPy or PyPI's safetensors, so that it is theirs and not ours. Exit status 1 names the
form that is read otherwise.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import warnings

import numpy
from safetensors.numpy import load_file, save_file


def write_npy(path, descr, shape, array):
    """A .npy file whose header spells dtype and shape as given."""
    header = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)).encode()
    header += b" " * (-(11 + len(header)) % 64) + b"\n"
    with open(path, "wb") as stream:
        stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + array.tobytes())


def write_safetensors(path, metadata, array):
    """A safetensors file with `metadata`, any JSON value, and the tensor w."""
    data = array.tobytes()
    entry = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": metadata, "w": entry}).encode()
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header + data)


def write_version(path, array, version):
    with open(path, "wb") as stream:
        numpy.lib.format.write_array(stream, array, version=version)


def main():
    binary = sys.argv[1]
    warnings.filterwarnings("ignore", message="Reading `.npy`.*Python 2")
    # Small whole numbers, which every float format holds.
    generator = numpy.random.default_rng()
    words = generator.integers(-8, 9, (5, 3)).astype(float)
    contexts = generator.integers(-8, 9, (4, 3)).astype(float)
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        subprocess.run(
            [binary, "data", "synth", "-o", at("ds"), "--vocab", "5", "--contexts", "4", "--supports", "3",
             "--support-size", "2"], check=True, stdout=subprocess.DEVNULL)
        numpy.save(at("contexts.npy"), contexts)

        def analyze(argument):
            command = [binary, "analyze", "--data", at("ds"), "--words", argument, "--contexts", at("contexts.npy")]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != 0:
                return run.stderr.strip()
            record = json.loads(run.stdout)
            del record["time_s"]
            return record

        forms = []
        for dtype in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8"):
            for order in "CF":
                forms.append(f"{dtype[1:]}{'big' if dtype[0] == '>' else 'little'}{order}.npy")
                numpy.save(at(forms[-1]), words.astype(dtype, order=order))
        for version in ((1, 0), (2, 0), (3, 0)):
            forms.append(f"version{version[0]}.npy")
            write_version(at(forms[-1]), words, version)
        for place, shape in enumerate(("(5L, 3L)", "(5L,3)", "(5, 3L,)", "(5,3)")):
            forms.append(f"shape{place}.npy")
            write_npy(at(forms[-1]), "<f8", shape, words)
        for name in forms:
            if not numpy.array_equal(numpy.load(at(name)), words):
                sys.exit(f"{name}: NumPy reads it otherwise")
        for name, metadata in (("null", None), ("empty", {}), ("some", {"format": "pt"})):
            write_safetensors(at(name + ".safetensors"), metadata, words)
            if not numpy.array_equal(load_file(at(name + ".safetensors"))["w"], words):
                sys.exit(f"{name}: safetensors reads it otherwise")
            forms.append(name + ".safetensors:w")
        save_file({"w": words.astype(numpy.float32), "other": contexts}, at("saved.safetensors"))
        forms.append("saved.safetensors:w")

        right = analyze(at("f8littleC.npy"))
        for name in forms:
            found = analyze(at(name))
            if found != right:
                sys.exit(f"{name}: {found}\nexpected {right}")
        if "holds other, w" not in (refusal := analyze(at("saved.safetensors"))):
            sys.exit(f"no tensor is named, and the refusal does not list them: {refusal}")
    print(f"{len(forms)} forms of a matrix are read alike")


if __name__ == "__main__":
    main()
