"""Holds `ntpgeo data text --tokens spm:MODEL` against SentencePiece's Python package.

    python3 sentencepiece_pieces.py NTPGEO TEXT

Trains models on TEXT, lets the package encode it and gives its ids to `data tokens`: the data set must be that of `data
text`, for a document a file and a document a line. Exit status 1 names the model that cuts otherwise.
"""

import os
import re
import sys
import tempfile

import numpy
import sentencepiece

from token_files import expect_same, made

MODELS = {
    "unigram": dict(vocab_size=400),
    "bpe": dict(vocab_size=400, model_type="bpe", byte_fallback=True),
    "identity": dict(vocab_size=120, model_type="char", normalization_rule_name="identity", character_coverage=0.98),
}


def main():
    binary, text = sys.argv[1:]
    with open(text, encoding="utf-8") as stream:
        # Without repetitions: where "000" may be "0" and "00" or "00" and "0", which score the same, versions of the library
        # (0.1.97 and 0.2.3, say) choose differently.
        lines = [re.sub(r"(.+?)\1+", r"\1", line) for line in stream.read().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        # Characters that no model has seen, an accent in two forms and runs of blanks.
        lines += ["\u4f60 cafe\u0301 caf\u00e9  \U0001f600\U0001f600 x", "", " \t the  end "]
        with open(at("text.txt"), "w", encoding="utf-8") as stream:
            stream.write("\n".join(lines))
        for name, options in MODELS.items():
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines[:-3]), model_prefix=at(name),
                                                     minloglevel=2, hard_vocab_limit=False, **options)
            model = sentencepiece.SentencePieceProcessor(model_file=at(f"{name}.model"))
            with open(at("pieces.txt"), "w", encoding="utf-8") as stream:
                stream.writelines(model.id_to_piece(i) + "\n" for i in range(model.get_piece_size()))
            eot = model.get_piece_size()
            for documents, texts in (("file", ["\n".join(lines)]), ("line", lines)):
                ids = [[*ids, eot] for ids in map(model.encode, texts)]
                numpy.save(at("ids.npy"), numpy.concatenate(ids).astype(numpy.int32))
                names = ["--vocab-file", at("pieces.txt")]
                right = made(binary, folder, ["tokens", at("ids.npy"), "--eot", str(eot), *names])
                found = made(binary, folder, ["text", at("text.txt"), "--tokens", "spm:" + at(f"{name}.model"),
                                              "--documents", documents, *names])
                expect_same(right, found, f"{name}, a document a {documents}", ())
    print(f"{len(MODELS)} models cut as SentencePiece {sentencepiece.__version__} does")


if __name__ == "__main__":
    main()
