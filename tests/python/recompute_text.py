"""Recomputes `ntpgeo data text` from design 2.3 in plain Python and compares it with the file, bit for bit.

    python3 recompute_text.py NTPGEO TEXT...

NTPGEO is the binary, each TEXT a UTF-8 file (tinyshakespeare, say); small nasty texts are added from here. It shares
no code with ntpgeo and needs numpy and safetensors. Unicode data are Python's, so texts with characters newer than
its tables may differ. Exit status 1 names the first difference.
"""

import collections
import itertools
import os
import re
import subprocess
import sys
import tempfile
import unicodedata

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file

# White_Space of the Unicode Character Database, and the four separators U+001C to U+001F.
SPACE = set("\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}

# A word, over one letter a character: L letters, digits and _, M marks, F format characters, S space, O all others.
WORD = re.compile("LM*(?:F*LM*)*|[^S]")

NASTY = [
    "\ufeffA mark first, then a\u0301 combining one\u200bzero width, "
    "caf\u00e9 \u00b2\u00bd \u216b \u0967\u0968 x_y __ snake_2\n" * 2,
    "one\rtwo\r\nthree\n\n\n\r\rfour five six seven eight\u2028nine ten\x1cfile\x1fsep\x85next\xa0hard\n",
    "\u4f60\u597d\u4e16\u754c \u4f60\u597d \U0001f600\U0001f600 \U00010400\U00010428 \uac00\uac01, "
    "\u0e01\u0e33\u0e44\u0e17\u0e22 \u0928\u092e\u0938\u094d\u0924\u0947 \u05e9\u05c1\n" * 3,
    "Stra\u00dfe STRASSE \u0130stanbul \u0131 \u03a3\u03c3\u03c2 \u1e9e \u0345 "
    "\u212a kelvin \u01c5 \u24b6 \ufb01 \u13a0\uab70 K k\n" * 2,
    "\x00\x01 nul \x00 a\x00b \x7f\x80\n" * 2,
    "b a b a b a c a c a a a a b b\nb a\na\n\nc c c c c\n",
    "\ufeff\ufeffcafe\u0301 caf\u00e9 e\u0323\u0301 \u1eb9\u0301 H\u0331 \u1e96 \u1fbc \u03b1\u0345 \u212b A\u030a\n"
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u200d\u0937 \u1112\u1161\u11ab \ud55c soft\u00adhyphen\u00ad a\u200d\u0301b\n"
    "\u00ada \u0301\u0301 _\u0301\u200b\u20601 \u0645\u06cc\u200c\u0631\u0648\u062f \U0001f469\u200d\U0001f4bb\n\ufeffx\ufeffy\n" * 2,
]


def simple_fold(character):
    """Unicode simple case folding: the full one where it is a single character."""
    full = character.casefold()
    if len(full) == 1:
        return full
    # Characters whose full folding is longer fold simply to their lower case, or to themselves.
    lower = character.lower()
    return lower if len(lower) == 1 and character != "\u0130" else character


def letter_of(character):
    category = unicodedata.category(character)
    if character == "_" or category[0] in "LN":
        return "L"
    if category[0] == "M":
        return "M"
    if category == "Cf":
        return "F"
    return "S" if character in SPACE else "O"


def cut(text, kind):
    if kind == "byte":
        return [text[i : i + 1] for i in range(len(text))]
    if kind == "char":
        return [character.encode() for character in text]
    if kind == "space":  # Python's white space is that of the design
        return [token.encode() for token in text.split()]
    letters = "".join(map(letter_of, text))
    return [text[found.start() : found.end()].encode() for found in WORD.finditer(letters)]


def split_lines(text):
    newline, carriage = ("\n", "\r") if isinstance(text, str) else (b"\n", b"\r")
    return text.replace(carriage + newline, newline).replace(carriage, newline).split(newline)


def documents_of(text, documents):
    if documents == "file":
        return [text]
    lines = split_lines(text)
    if documents == "line":
        return lines
    # Between blank lines; which end a line has is nothing to words, and only they are asked for.
    return ["\n".join(kept) for blank, kept in itertools.groupby(lines, lambda line: not line.strip(" \t")) if not blank]


def recompute(files, tokens, context, vocab, min_count, contexts, weights, documents, oov, lowercase, normalize):
    rows = []
    for path in files:
        with open(path, "rb") as stream:
            text = stream.read()
        if tokens != "byte":
            text = text.decode().removeprefix("\ufeff")
            changes = [lambda text: unicodedata.normalize("NFC", text)] if normalize == "nfc" else []
            if lowercase:
                changes = [*changes, lambda text: "".join(map(simple_fold, text)), *changes]
            for change in changes:
                text = change(text)
        for document in documents_of(text, documents):
            rows.append(cut(document, tokens))

    frequency = collections.Counter(itertools.chain.from_iterable(rows))
    ranked = sorted(frequency, key=lambda token: (-frequency[token], token))
    unknown = None
    if vocab is not None:
        if oov == "unk" and vocab <= len(ranked):
            unknown = vocab - 1
            ranked = ranked[:unknown]
        else:
            ranked = ranked[:vocab]
    number = {token: rank for rank, token in enumerate(ranked)}

    counts = collections.defaultdict(collections.Counter)
    for row in rows:
        ids = [number.get(token, unknown) for token in row]
        for i in range(len(ids) - context):
            window = ids[i : i + context + 1]
            if None not in window:
                counts[tuple(window[:-1])][window[-1]] += 1
    totals = {key: sum(nexts.values()) for key, nexts in counts.items()}
    kept = [key for key in totals if totals[key] >= min_count]
    kept.sort(key=lambda key: (-totals[key], key))
    kept = kept[:contexts]
    if not kept:
        return None

    everything = sum(totals[key] for key in kept)
    result = {"indptr": [0], "indices": [], "probs": [], "counts": [], "context_probs": []}
    for key in kept:
        for token, count in sorted(counts[key].items()):
            result["indices"].append(token)
            result["counts"].append(count)
            result["probs"].append(count / totals[key])
        result["indptr"].append(len(result["indices"]))
        result["context_probs"].append(1 / len(kept) if weights == "uniform" else totals[key] / everything)
    result["context_tokens"] = kept
    words = ranked + ([b"<unk>"] if unknown is not None else [])
    result["vocab_bytes"] = list(b"".join(words))
    result["vocab_offsets"] = [0] + list(itertools.accumulate(map(len, words)))
    return result


TYPES = {
    "indices": "int32",
    "probs": "float64",
    "context_probs": "float64",
    "context_tokens": "int32",
    "vocab_bytes": "uint8",
}


def compare(binary, folder, files, options):
    output = os.path.join(folder, "out.safetensors")
    if os.path.exists(output):
        os.remove(output)
    command = [binary, "data", "text", *files, "-o", output]
    for name, value in options.items():
        if name == "lowercase":
            command += ["--lowercase"] if value else []
        elif value is not None:
            command += ["--" + name.replace("_", "-"), str(value)]
    run = subprocess.run(command, capture_output=True, text=True)
    expected = recompute(files, **options)
    shown = " ".join(command)
    if expected is None:
        if run.returncode != 2 or run.stderr.count("\n") != 1 or os.path.exists(output):
            sys.exit(f"no context is left, which must be refused: {shown}")
        return
    if run.returncode != 0:
        sys.exit(f"{shown}\nfailed with {run.returncode}: {run.stderr}")
    tensors = load_file(output)
    if set(tensors) != set(expected):
        sys.exit(f"{shown}\ntensors {sorted(tensors)}, expected {sorted(expected)}")
    for name, values in expected.items():
        wanted = numpy.array(values, dtype=TYPES.get(name, "int64"))
        found = tensors[name]
        if found.dtype != wanted.dtype or found.shape != wanted.shape:
            sys.exit(f"{shown}\n{name}: {found.dtype}{found.shape}, expected {wanted.dtype}{wanted.shape}")
        if not numpy.array_equal(found, wanted):
            at = numpy.argwhere(found != wanted)[0]
            sys.exit(f"{shown}\n{name}{at.tolist()}: {found[tuple(at)]!r}, expected {wanted[tuple(at)]!r}")
    with safe_open(output, framework="numpy") as stream:
        metadata = stream.metadata()
    vocab_size = len(expected["vocab_offsets"]) - 1
    if metadata["format"] != "ntpgeo.dataset.1" or int(metadata["vocab_size"]) != vocab_size:
        sys.exit(f"{shown}\nmetadata {metadata}")


def main():
    binary, texts = sys.argv[1], sys.argv[2:]
    plain = dict(tokens="word", context=2, vocab=None, min_count=1, contexts=None, weights="empirical",
                 documents="file", oov="skip", lowercase=False, normalize="none")
    cases = 0
    with tempfile.TemporaryDirectory() as folder:
        nasty = []
        for i, text in enumerate(NASTY):
            nasty.append(os.path.join(folder, f"nasty{i}.txt"))
            with open(nasty[-1], "wb") as stream:
                stream.write(text.encode())
        combinations = list(
            itertools.product(
                ("word", "char", "byte", "space"),
                (1, 2, 4),
                (None, 1, 3, 8, 1000),
                ("skip", "unk"),
                ("file", "line", "paragraph"),
                (False, True),
                ("none", "nfc"),
            )
        )
        # Starting the program costs more than its work: each text takes an eleventh of the combinations, each
        # combination is taken by some text.
        for place, files in enumerate([[path] for path in nasty] + [nasty]):
            for tokens, context, vocab, oov, documents, lowercase, normalize in combinations[place % 11 :: 11]:
                if tokens == "byte" and (lowercase or normalize != "none"):
                    continue
                if tokens in ("byte", "char") and documents == "paragraph":
                    continue
                options = dict(plain, tokens=tokens, context=context, vocab=vocab)
                options.update(oov=oov, documents=documents, lowercase=lowercase, normalize=normalize)
                if cases % 3 == 0:
                    options.update(min_count=2, weights="uniform", contexts=5)
                compare(binary, folder, files, options)
                cases += 1
        for path in texts:
            for options in (
                dict(vocab=2000, contexts=20000),
                dict(vocab=500, oov="unk", min_count=3, lowercase=True, documents="line"),
                dict(context=1, weights="uniform"),
                dict(context=4, contexts=1000),
                dict(tokens="char", context=3),
                dict(tokens="char", context=5, vocab=40, oov="unk", contexts=3000, documents="line", lowercase=True),
                dict(tokens="space", context=1, documents="paragraph", min_count=2),
                dict(tokens="byte", context=1),
                dict(tokens="byte", context=4, min_count=5),
            ):
                compare(binary, folder, [path], dict(plain, **options))
                cases += 1
    print(f"{cases} datasets agree bit for bit")


if __name__ == "__main__":
    main()
