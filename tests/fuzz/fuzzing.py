"""What the fuzzers share: a temporary corpus that begins with good inputs, and the loop."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

FOLDER = Path(tempfile.mkdtemp(prefix="cnnx-fuzz-"))


def fuzz(
    test_one_input: Callable[[bytes], None], seeds: Iterable[bytes], words: Iterable[str]
) -> None:
    """
    Fuzz until the command line's limit, -max_total_time=SECONDS or -runs=N.

    Parameters
    ----------
    test_one_input
        Raises what is a bug.
    seeds
        Good inputs to begin with; the names of files on the command line run those alone.
    words
        What inputs are made of, for libFuzzer's dictionary.
    """
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    dictionary = FOLDER / "words"
    dictionary.write_text("".join(f'"{word}"\n' for word in ["\\x00", *words]))
    given = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    options = [*sys.argv, f"-dict={dictionary}", "-rss_limit_mb=4096"]
    atheris.Setup(options if given else [*options, str(corpus)], test_one_input)
    atheris.Fuzz()
