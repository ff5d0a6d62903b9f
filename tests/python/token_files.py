"""Holds `ntpgeo data tokens` against files that NumPy writes after the formats' public descriptions, and names of ids and
replaced bytes against Python's own.

    python3 token_files.py NTPGEO

Every file holds the ids of one text, whose data set `ntpgeo data text` makes by another way; both must be the same, tensor
by tensor. Exit status 1 names the file that is read otherwise.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy
from safetensors.numpy import load_file

NAMES = ("vocab_bytes", "vocab_offsets")


def made(binary, folder, arguments):
    """The data set's tensors."""
    output = os.path.join(folder, "out.safetensors")
    run = subprocess.run([binary, "data", *arguments, "-o", output], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"data {' '.join(arguments)}: {run.stderr}")
    return load_file(output)


def expect_same(right, found, what, without=NAMES):
    right = {name: values for name, values in right.items() if name not in without}
    found = {name: values for name, values in found.items() if name not in without}
    if set(right) != set(found):
        sys.exit(f"{what}: tensors {sorted(found)}, expected {sorted(right)}")
    for name, values in right.items():
        if values.dtype != found[name].dtype or not numpy.array_equal(values, found[name]):
            sys.exit(f"{what}: {name} differs")


def write_llmc(path, ids, magic, version, dtype):
    header = numpy.zeros(256, dtype=numpy.int32)
    header[:3] = magic, version, len(ids)
    with open(path, "wb") as stream:
        stream.write(header.tobytes())
        stream.write(ids.astype(dtype).tobytes())


def write_megatron(prefix, documents, dtype, code):
    """`documents` are lists of sequences."""
    lengths, edges = [], [0]
    with open(prefix + ".bin", "wb") as stream:
        for document in documents:
            for sequence in document:
                stream.write(sequence.astype(dtype).tobytes())
                lengths.append(len(sequence))
            edges.append(len(lengths))
    pointers = numpy.concatenate([[0], numpy.cumsum(lengths)[:-1]]) * numpy.dtype(dtype).itemsize
    with open(prefix + ".idx", "wb") as stream:
        stream.write(b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, len(lengths), len(edges)))
        stream.write(numpy.array(lengths, numpy.int32).tobytes())
        stream.write(pointers.astype(numpy.int64).tobytes())
        stream.write(numpy.array(edges, numpy.int64).tobytes())


def try_formats(binary, folder, generator):
    at = lambda name: os.path.join(folder, name)
    eot = 100
    texts = [generator.zipf(1.3, generator.integers(1, 200)) % 100 for _ in range(60)]
    ids = numpy.concatenate([numpy.append(text, eot) for text in texts])
    with open(at("text.txt"), "w") as stream:
        stream.writelines(" ".join(map(str, text)) + "\n" for text in texts)
    with open(at("names.txt"), "w") as stream:
        stream.writelines(f"{i}\n" for i in range(101))
    options = ["--context", "2", "--min-count", "2", "--contexts", "300"]
    right = made(binary, folder, ["text", at("text.txt"), "--tokens", "space", "--documents", "line", "--vocab-file",
                                  at("names.txt"), *options])
    tried = 0

    def expect(what, *arguments):
        nonlocal tried
        expect_same(right, made(binary, folder, ["tokens", *arguments, *options]), what)
        tried += 1

    with_eot = ["--eot", str(eot)]
    for dtype in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        ids.astype("<" + numpy.dtype(dtype).str[1:]).tofile(at("raw"))
        expect(f"raw {dtype}", at("raw"), "--format", "nanogpt", "--dtype", dtype, *with_eot)
        for order in "<>":
            array = ids.astype(numpy.dtype(dtype).newbyteorder(order))
            for version in ((1, 0), (2, 0), (3, 0)):
                with open(at("ids.npy"), "wb") as stream:
                    numpy.lib.format.write_array(stream, array, version=version)
                expect(f".npy {array.dtype.str} {version}", at("ids.npy"), *with_eot)
    ids.astype("<u2").tofile(at("train.bin"))
    expect("train.bin", at("train.bin"), *with_eot)

    cuts = numpy.split(ids, sorted(generator.integers(1, len(ids), 3)))
    cuts = [cut for cut in cuts if len(cut)]
    for magic, version, dtype in ((20240520, 1, "<u2"), (20240801, 7, "<u4")):
        write_llmc(at("llmc.bin"), ids, magic, version, dtype)
        expect(f"llm.c {magic}", at("llmc.bin"), *with_eot)
        for place, cut in enumerate(cuts):
            write_llmc(at(f"shard_{magic}_{place:06d}.bin"), cut, magic, version, dtype)
        expect(f"shards of llm.c {magic}", at(f"shard_{magic}_*.bin"), *with_eot)

    for code, dtype in enumerate(("uint8", "int8", "int16", "int32", "int64", None, None, "uint16"), 1):
        if dtype is None:
            continue
        # A text in several sequences, some of them empty, with and without the end of text behind it.
        sequences = [numpy.split(text, sorted(generator.integers(0, len(text) + 1, 2))) for text in texts]
        write_megatron(at("bare"), sequences, dtype, code)
        expect(f"Megatron {dtype}", at("bare"), "--vocab", "101")
        write_megatron(at("closed"), [[*parts, numpy.array([eot])] for parts in sequences], dtype, code)
        expect(f"Megatron {dtype} with its end of text", at("closed.idx"), *with_eot)
    return tried


def byte_characters():
    """The character that a byte-level tokenizer writes for each byte."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + place) for place, byte in enumerate(hidden)}


def try_names(binary, folder, generator):
    at = lambda name: os.path.join(folder, name)
    characters = byte_characters()
    tokens = {bytes([byte]) for byte in range(256)} | {b" the", b"\n\n", "é".encode()}
    while len(tokens) < 600:
        tokens.add(generator.integers(0, 256, generator.integers(2, 6), dtype=numpy.uint8).tobytes())
    tokens = sorted(tokens)
    spelled = {"".join(characters[byte] for byte in token): place for place, token in enumerate(tokens)}
    added = "<|a b \u0120|>"
    with open(at("vocab.json"), "w") as stream:
        json.dump(spelled, stream)
    with open(at("tokenizer.json"), "w") as stream:
        json.dump({"version": "1.0", "added_tokens": [{"id": len(tokens), "content": added, "special": True}],
                   "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
                   "model": {"type": "BPE", "vocab": spelled, "merges": [["a", "b"]]}}, stream, ensure_ascii=False)
    generator.integers(0, 600, 5000).astype("<u2").tofile(at("names.bin"))
    for file, right in (("vocab.json", tokens), ("tokenizer.json", [*tokens, added.encode()])):
        found = made(binary, folder, ["tokens", at("names.bin"), "--vocab-file", at(file)])
        joined, offsets = found["vocab_bytes"].tobytes(), found["vocab_offsets"]
        names = [joined[begin:end] for begin, end in zip(offsets, offsets[1:])]
        if names != right:
            sys.exit(f"{file}: the names differ")


def try_replacement(binary, folder, generator):
    at = lambda name: os.path.join(folder, name)
    for _ in range(20):
        pieces = ["é".encode(), "你".encode(), "😀".encode(), b"a", b" ", b"\xff", b"\xc3", b"\xe4\xbd", b"\xf0\x9f\x98", b"\x80"]
        text = b"a" + b"".join(pieces[i] for i in generator.integers(0, len(pieces), 400))
        with open(at("broken.txt"), "wb") as stream:
            stream.write(text)
        with open(at("right.txt"), "wb") as stream:
            stream.write(text.decode(errors="replace").encode())
        options = ["--tokens", "char", "--context", "1"]
        expect_same(made(binary, folder, ["text", at("right.txt"), *options]),
                    made(binary, folder, ["text", at("broken.txt"), "--invalid", "replace", *options]), f"{text!r}", ())


def main():
    seed = numpy.random.SeedSequence().entropy
    print(f"seed {seed}", flush=True)
    generator = numpy.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        tried = try_formats(sys.argv[1], folder, generator)
        try_names(sys.argv[1], folder, generator)
        try_replacement(sys.argv[1], folder, generator)
    print(f"{tried} files of ids are read as NumPy writes them")


if __name__ == "__main__":
    main()
