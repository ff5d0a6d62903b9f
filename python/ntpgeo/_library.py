"""libntpgeo.so by ctypes: found, loaded once, its functions declared, its statuses as exceptions.

The header library/ntpgeo.h of the repository says what each function does. ctypes releases the GIL around every call.
"""

from __future__ import annotations

import ctypes
import functools
import os
import pathlib
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p
from typing import Any

from .errors import Error

API_VERSION = 1
OK, INVALID, OUT_OF_MEMORY, FAILED, STOPPED = range(5)
INT32, INT64, FLOAT32, FLOAT64, BFLOAT16, FLOAT16 = 1, 2, 3, 4, 5, 6
NULL, WHOLE, NUMBER, TEXT, NUMBERS = range(5)


class Sized(Structure):
    """A structure of the interface, whose first member is its own size."""

    def __init__(self, **members: Any):
        super().__init__(size=ctypes.sizeof(self), **members)


class Csr(Sized):
    _fields_ = [("size", c_size_t), ("vocab_size", c_int64), ("contexts", c_int64), ("indptr", c_void_p),
                ("indices", c_void_p), ("indices_type", c_int), ("probs", c_void_p), ("probs_type", c_int),
                ("context_probs", c_void_p), ("counts", c_void_p), ("context_tokens", c_void_p),
                ("context_length", c_int64), ("vocab_bytes", c_void_p), ("vocab_offsets", c_void_p),
                ("source", c_char_p), ("name", c_char_p)]


class TopK(Sized):
    _fields_ = [("size", c_size_t), ("vocab_size", c_int64), ("contexts", c_int64), ("k", c_int64), ("ids", c_void_p),
                ("ids_type", c_int), ("probs", c_void_p), ("probs_type", c_int), ("weights", c_void_p)]


class DatasetView(Sized):
    _fields_ = [("size", c_size_t), ("vocab_size", c_int64), ("contexts", c_int64), ("nnz", c_int64),
                ("indptr", c_void_p), ("indices", c_void_p), ("probs", c_void_p), ("context_probs", c_void_p),
                ("counts", c_void_p), ("context_tokens", c_void_p), ("context_length", c_int64),
                ("vocab_bytes", c_void_p), ("vocab_offsets", c_void_p), ("source", c_char_p), ("entropy", c_double),
                ("support_classes", c_int64)]


class Setting(Sized):
    _fields_ = [("size", c_size_t), ("name", c_char_p), ("flag", c_char_p), ("initial", c_char_p), ("range", c_char_p),
                ("help", c_char_p), ("owners", c_char_p), ("of_stage", c_int)]


class Figure(Structure):
    _fields_ = [("key", c_char_p), ("kind", c_int), ("whole", c_int64), ("number", c_double), ("text", c_char_p),
                ("numbers", POINTER(c_double)), ("length", c_size_t)]

    def value(self) -> int | float | str | list[float] | None:
        if self.kind == WHOLE:
            return self.whole
        if self.kind == NUMBER:
            return self.number
        if self.kind == TEXT:
            return self.text.decode()
        return self.numbers[:self.length] if self.kind == NUMBERS else None


OnRecord = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(Figure), c_size_t)
ShouldStop = ctypes.CFUNCTYPE(c_int, c_void_p)


class Watch(Sized):
    _fields_ = [("size", c_size_t), ("on_record", OnRecord), ("should_stop", ShouldStop), ("user", c_void_p)]


class ResultView(Sized):
    _fields_ = [("size", c_size_t), ("records", c_size_t), ("points", c_size_t), ("steps", c_int64), ("reached", c_int),
                ("at_rest", c_int)]


_out = POINTER(c_void_p)
_functions: dict[str, tuple[Any, list[Any]]] = {
    "api_version": (c_int, []),
    "version": (c_char_p, []),
    "last_error": (c_char_p, []),
    "why_no_gpu": (c_char_p, []),
    "dataset_from_csr": (c_int, [POINTER(Csr), _out]),
    "dataset_from_topk": (c_int, [POINTER(TopK), _out]),
    "dataset_from_ngrams": (c_int, [c_void_p, c_int, c_int64, c_void_p, c_int64, c_int64, c_void_p, _out]),
    "dataset_look": (c_int, [c_void_p, POINTER(DatasetView)]),
    "dataset_free": (None, [c_void_p]),
    "settings_new": (c_int, [c_char_p, _out]),
    "settings_count": (c_size_t, [c_void_p]),
    "settings_describe": (c_int, [c_void_p, c_size_t, POINTER(Setting)]),
    "settings_set": (c_int, [c_void_p, c_char_p, c_char_p]),
    "settings_set_in_stage": (c_int, [c_void_p, c_size_t, c_char_p, c_char_p]),
    "settings_set_numbers": (c_int, [c_void_p, c_char_p, c_void_p, c_size_t]),
    "settings_free": (None, [c_void_p]),
    "result_look": (c_int, [c_void_p, POINTER(ResultView)]),
    "result_shape": (c_int, [c_void_p, c_char_p, POINTER(c_int64), POINTER(c_int64)]),
    "result_copy": (c_int, [c_void_p, c_char_p, c_int, c_void_p, c_int64, c_int64]),
    "result_record": (c_int, [c_void_p, c_size_t, POINTER(POINTER(Figure)), POINTER(c_size_t)]),
    "result_point": (c_int, [c_void_p, c_size_t, _out]),
    "result_free": (None, [c_void_p]),
    "train": (c_int, [c_void_p, c_void_p, c_void_p, POINTER(Watch), _out]),
    "limit": (c_int, [c_void_p, c_void_p, POINTER(Watch), _out]),
    "limit_of": (c_int, [c_void_p, c_void_p, c_void_p, c_int64, _out]),
    "path": (c_int, [c_void_p, c_void_p, c_void_p, POINTER(Watch), _out]),
    "analyze": (c_int, [c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_void_p, _out]),
    "concepts": (c_int, [c_void_p, c_void_p, c_void_p, c_int64, c_void_p, _out]),
}


def declare(functions: dict[str, tuple[Any, list[Any]]]) -> None:
    """More of the library's functions, of a module that not everybody imports."""
    _functions.update(functions)
    if load.cache_info().currsize:
        for name, (result, arguments) in functions.items():
            function = getattr(load(), f"ntpgeo_{name}")
            function.restype, function.argtypes = result, arguments


def _file() -> str:
    """NTPGEO_LIBRARY, the library beside this file, or what the system's search finds."""
    named = os.environ.get("NTPGEO_LIBRARY")
    beside = pathlib.Path(__file__).parent / "libntpgeo.so"
    return named or (str(beside) if beside.exists() else f"libntpgeo.so.{API_VERSION}")


@functools.lru_cache(maxsize=None)
def load() -> ctypes.CDLL:
    """The library. Raises Error, naming the file and what to do, where it does not load or is of another version."""
    file = _file()
    advice = "install ntpgeo anew (pip install .), or let NTPGEO_LIBRARY name the libntpgeo.so of a build"
    try:
        library = ctypes.CDLL(file)
        for name, (result, arguments) in _functions.items():
            function = getattr(library, f"ntpgeo_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise Error(f"{file} does not load: {error}; {advice}") from None
    if library.ntpgeo_api_version() != API_VERSION:
        raise Error(f"{file} speaks version {library.ntpgeo_api_version()} of the interface, and this package "
                    f"{API_VERSION}; {advice}")
    return library


def call(name: str, *arguments: Any) -> int:
    """Calls ntpgeo_`name`; returns OK or STOPPED, and raises what the other statuses are."""
    library = load()
    status = getattr(library, f"ntpgeo_{name}")(*arguments)
    if status in (OK, STOPPED):
        return status
    text = library.ntpgeo_last_error().decode(errors="replace")
    raise {INVALID: ValueError, OUT_OF_MEMORY: MemoryError}.get(status, Error)(text)


class Handle:
    """A handle of the library's, freed with this object. `kind` is "dataset", "settings" or "result"."""

    def __init__(self, kind: str, address: int):
        self.address = address
        self._free = getattr(load(), f"ntpgeo_{kind}_free")

    def __del__(self):
        self._free(self.address)


def made(kind: str, name: str, *arguments: Any) -> Handle:
    """The handle that ntpgeo_`name` makes, its last argument."""
    address = c_void_p()
    call(name, *arguments, byref(address))
    return Handle(kind, address.value or 0)
