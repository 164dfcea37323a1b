"""Writes arrays.json, archives.json, headers.json and refused.json, the NumPy files that readNpy and readNpz are tested with.

    /usr/bin/python3 generate.py

arrays.json: name -> { file: the bytes of np.save, dtype, shape, bytes: the row-major little-endian elements }.
archives.json: name -> { file: the bytes of the archive, arrays: name -> { dtype, shape, bytes } }.
headers.json: list of shape and length of the header of np.save, every length of text modulo 64 among them.
refused.json: name -> the bytes of a file that holds no plain array of numbers. All bytes are hexadecimal.
"""

import io
import json
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {
    "f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64",
    "u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "b1": "BOOL", "c8": "C64", "c16": "C128",
}


def described(array):
    little = array.astype(array.dtype.newbyteorder("<"))
    return {"dtype": NAMES[array.dtype.str[1:]], "shape": list(array.shape), "bytes": little.tobytes().hex()}


def saved(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue().hex()


def numbers(kind, shape):
    """Numbers that a transposition or a wrong byte order would change."""
    count = int(np.prod(shape))
    values = (np.arange(count) * 37 + 5) % 251
    if kind == "b1":
        return (values % 3 == 0).reshape(shape)
    if kind[0] == "c":
        return (values - 1j * values[::-1] / 8).astype(kind).reshape(shape)
    scaled = values / 8 - 9 if kind[0] == "f" else values - (128 if kind[0] == "i" else 0)
    return scaled.astype(kind).reshape(shape)


def main():
    arrays = {}
    for kind in NAMES:
        for order in "<>":
            arrays[f"{order}{kind}"] = numbers(kind, (2, 3)).astype(order + kind)
        arrays[f"{kind} fortran"] = np.asfortranarray(numbers(kind, (3, 2, 2)))
    arrays["scalar"] = np.array(2.5)
    arrays["vector"] = numbers("f4", (10,))
    arrays["long vector"] = numbers("u1", (1234,))
    arrays["empty"] = np.zeros((0, 4), np.float32)
    arrays["empty fortran"] = np.asfortranarray(np.zeros((3, 0), np.float32))
    arrays["five axes"] = numbers("i2", (2, 1, 3, 1, 2))
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
    arrays["special"] = special
    arrays["big special"] = special.astype(">f8")
    contents = {name: {"file": saved(array), **described(array)} for name, array in arrays.items()}
    for version in ((2, 0), (3, 0)):
        contents[f"version {version[0]}"] = {"file": saved(arrays["vector"], version), **described(arrays["vector"])}

    shapes = [(first, second) + (1,) * n for first in (1, 1234) for second in (1, 10, 100) for n in range(23)]
    headers = [[shape, len(saved(np.zeros(shape, np.uint8))) // 2 - int(np.prod(shape))] for shape in shapes]

    few = {"weight": numbers("f4", (3, 2)), "größe": numbers("i8", (2,)), "a/b": np.array(True), "half": numbers("f2", (4,))}
    archives = {}
    for name, save in {"stored": np.savez, "deflated": np.savez_compressed}.items():
        out = io.BytesIO()
        save(out, **few)
        archives[name] = {"file": out.getvalue().hex(), "arrays": {key: described(array) for key, array in few.items()}}
    mixed = io.BytesIO()
    np.savez(mixed, data=few["weight"], format=np.array("csr"))
    archives["mixed"] = {"file": mixed.getvalue().hex(), "arrays": {"data": described(few["weight"])}}

    refused = {
        "object": np.array([None, 1], dtype=object), "text": np.array(["ab"]), "bytes": np.array([b"ab"]),
        "structure": np.zeros(2, [("a", "<f4"), ("b", "<i4")]), "date": np.array(["2020"], "M8[Y]"),
        "duration": np.array([3], "m8[s]"), "long double": np.zeros(1, np.longdouble), "void": np.zeros(1, "V3"),
        "complex long double": np.zeros(1, np.clongdouble),
    }
    bad = {name: saved(array) for name, array in refused.items()}
    files = {"arrays": contents, "archives": archives, "headers": headers, "refused": bad}
    for name, value in files.items():
        with open(os.path.join(HERE, f"{name}.json"), "w") as out:
            json.dump(value, out)


if __name__ == "__main__":
    main()
