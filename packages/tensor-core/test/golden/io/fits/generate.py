"""Writes the FITS files that readFits is tested with, and what astropy reads from them, as expected.json.

    /usr/bin/python3 generate.py

expected.json: file -> list of units { name, shape or rows, dtype and bytes of an image, columns of a table }. Elements
are row-major and little-endian, all bytes hexadecimal. Scaled images are given in float64, see scaled().
"""

import gzip
import io
import json
import os
import warnings

import numpy as np
from astropy.io import fits

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {
    "float64": "F64", "float32": "F32", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "complex64": "C64", "complex128": "C128",
}


def described(array):
    array = np.asarray(array)
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).reshape(array.shape)
    return {"dtype": NAMES[array.dtype.name], "shape": list(array.shape), "bytes": little.tobytes().hex()}


def numbers(dtype, shape):
    values = (np.arange(int(np.prod(shape))) * 37 + 5) % 251
    if np.dtype(dtype).kind == "f":
        return (values / 8 - 9).astype(dtype).reshape(shape)
    return (values - (0 if np.dtype(dtype).kind == "u" else 125)).astype(dtype).reshape(shape)


def compress(name, contents):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(gzip.compress(contents, mtime=0))


def write(name, units, change=lambda contents: contents):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList(units).writeto(out)
    compress(name, change(out.getvalue()))


def images():
    """Each BITPIX, and the unsigned types, which astropy stores by BZERO; three axes and one."""
    units = [fits.PrimaryHDU()]
    for dtype in ("u1", "i2", "i4", "i8", "f4", "f8", "u2", "u4", "u8", "i1"):
        shape = (2, 3, 4) if dtype == "i2" else (3, 5)
        unit = fits.ImageHDU(numbers(dtype, shape), name=f"type {dtype}")
        units.append(unit)
    units.append(fits.ImageHDU(numbers("f4", (7,)), name="vector"))
    special = np.array([[np.nan, np.inf], [-np.inf, -0.0]], "f8")
    units.append(fits.ImageHDU(special, name="special"))
    write("images.fits.gz", units)
    with fits.open(os.path.join(HERE, "images.fits.gz"), uint=True) as file:
        return [None if u.data is None else {"name": u.name, **described(u.data)} for u in file]


def scaled():
    """Images with BSCALE, BZERO and BLANK, and their exact values in float64."""
    units, exact = [], []
    cases = [
        ("u1", 0.1, -3.0, None), ("i2", 0.25, 100.0, -83), ("i2", 1.0, 0.0, -46), ("i4", 1e-3, 7.5, None),
        ("i4", 1.0, 0.0, -9), ("i8", 2.0, 0.5, None), ("f4", 3.0, 0.1, None), ("f8", 0.7, -0.3, None), ("i2", 1.0, 32768.0, -9),
    ]
    for n, (dtype, scale, zero, blank) in enumerate(cases):
        stored = numbers(dtype, (3, 5))
        unit = (fits.ImageHDU if n else fits.PrimaryHDU)(stored)
        unit.header["BSCALE"], unit.header["BZERO"] = scale, zero
        if blank is not None:
            unit.header["BLANK"] = blank
        units.append(unit)
        values = zero + scale * stored.astype("f8")
        if blank is not None:
            assert (stored == blank).sum() == 1
            values[stored == blank] = np.nan
        exact.append({"name": unit.name or ("PRIMARY" if n == 0 else ""), "stored": described(stored), **described(values)})
    # astropy scales what it writes unless the bytes are put there as they are.
    contents = b""
    for unit, case in zip(units, exact):
        raw = bytes.fromhex(case["stored"]["bytes"])
        kind = {"U8": "u1", "I16": "i2", "I32": "i4", "I64": "i8", "F32": "f4", "F64": "f8"}[case["stored"]["dtype"]]
        data = np.frombuffer(raw, "<" + kind).astype(">" + kind).tobytes()
        contents += unit.header.tostring().encode() + data + bytes(-len(data) % 2880)
    compress("scaled.fits.gz", contents)
    with fits.open(os.path.join(HERE, "scaled.fits.gz")) as file:
        for unit, case in zip(file, exact):
            if unit.data.dtype == np.uint16:
                continue  # astropy takes no account of BLANK in unsigned images; the standard does.
            found = np.asarray(unit.data, "f8")
            wanted = np.frombuffer(bytes.fromhex(case["bytes"]), "f8").reshape(found.shape)
            assert np.allclose(found, wanted, rtol=2e-7, atol=1e-6, equal_nan=True), case["name"]
    return exact


def header_file():
    header = fits.Header()
    header["TEXT"] = ("it's \"so\"", "a comment / with a slash")
    header["EMPTY"] = ""
    header["LEADING"] = "  two spaces"
    header["LONG"] = ("x" * 200 + " & end", "a long one")
    header["YES"], header["NO"] = True, False
    header["INTEGER"], header["BIG"] = -42, 2**70
    header["REAL"], header["TINY"] = 1.5, 1e-300
    header["COMPLEX"] = 1.5 - 2j
    header["UNDEF"] = (None, "no value")
    header["HIERARCH ESO TEL AMBI"] = (3.5, "[C] temperature")
    header["COMMENT"] = "first line"
    header["COMMENT"] = "second line"
    header["HISTORY"] = "made by hand"
    unit = fits.PrimaryHDU(header=header)
    unit.header.append(fits.Card.fromstring("DOUBLE  = 1.25D-3"))
    unit.header.append(fits.Card.fromstring("PLUS    =                  +17 / signed"))
    write("header.fits.gz", [unit])


def tables():
    rows = 3
    lists = [np.array([1, 2, 3], "i4"), np.array([], "i4"), np.array([-7], "i4")]
    reals = [np.array([0.5], "f4"), np.array([1.5, -2.5], "f4"), np.array([], "f4")]
    columns = [
        fits.Column("flag", "L", array=np.array([True, False, True])),
        fits.Column("bits", "11X", array=numbers("u1", (rows, 11)) % 2 == 1),
        fits.Column("byte", "B", array=numbers("u1", (rows,))),
        fits.Column("short", "I", array=numbers("i2", (rows,)), unit="m/s"),
        fits.Column("int", "2J", array=numbers("i4", (rows, 2))),
        fits.Column("long", "K", array=np.array([2**62, -(2**63), 5])),
        fits.Column("real", "3E", array=numbers("f4", (rows, 3))),
        fits.Column("double", "D", array=numbers("f8", (rows,))),
        fits.Column("matrix", "6D", dim="(3,2)", array=numbers("f8", (rows, 2, 3))),
        fits.Column("complex", "C", array=(numbers("f4", (rows,)) + 1j).astype("c8")),
        fits.Column("wide complex", "2M", array=(numbers("f8", (rows, 2)) - 2j).astype("c16")),
        fits.Column("name", "7A", array=np.array(["alpha", "", "gamma ra"])),
        fits.Column("letter", "A", array=np.array(["a", "b", ""])),
        fits.Column("ushort", "I", bzero=32768, array=np.array([0, 40000, 65535], "u2")),
        fits.Column("uint", "J", bzero=2**31, array=np.array([0, 2**31, 2**32 - 1], "u4")),
        fits.Column("ulong", "K", bzero=2**63, array=np.array([0, 2**63, 2**64 - 1], "u8")),
        fits.Column("scaled", "I", array=np.array([0, 7, -62], "i2")),
        fits.Column("none", "0E", array=np.zeros((rows, 0), "f4")),
        fits.Column("lists", "PJ()", array=np.array(lists, dtype=object)),
        fits.Column("long lists", "QE()", array=np.array(reals, dtype=object)),
        fits.Column("texts", "PA()", array=np.array(["one", "", "three"], dtype=object)),
    ]
    unit = fits.BinTableHDU.from_columns(columns, name="catalog")
    # astropy would scale what it writes; the cards get their names afterwards.
    unit.header["XSCAL17"], unit.header["XZERO17"] = 0.1, 5.0
    nulls = fits.BinTableHDU.from_columns(
        [fits.Column("id", "K", null=-1, array=np.array([2**60 + 1, -1, 3])), fits.Column("count", "J", null=0, array=np.array([0, 2, 3]))],
        name="nulls",
    )
    single = fits.BinTableHDU.from_columns([fits.Column("only", "E", array=numbers("f4", (4,)))], name="single")
    empty = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.zeros(0, "f4"))], name="empty")
    write("tables.fits.gz", [fits.PrimaryHDU(), unit, nulls, single, empty], lambda contents: contents.replace(b"XSCAL17", b"TSCAL17").replace(b"XZERO17", b"TZERO17"))
    with fits.open(os.path.join(HERE, "tables.fits.gz"), uint=True) as file:
        data = file["catalog"].data
        numeric = {}
        for column in data.columns:
            value = data[column.name]
            if value.dtype.kind in "biufc":
                numeric[column.name] = described(value)
        return {
            "numbers": numeric,
            "strings": {"name": [str(s) for s in data["name"]], "letter": [str(s) for s in data["letter"]],
                        "texts": ["one", "", "three"]},
            "lists": {"lists": [described(a) for a in lists], "long lists": [described(a) for a in reals]},
        }


def others():
    """What is listed and not read: an ASCII table and a compressed image; and an image behind them."""
    ascii_table = fits.TableHDU.from_columns([fits.Column("a", "I4", array=np.array([1, 2]))], name="ascii")
    compressed = fits.CompImageHDU(numbers("i2", (8, 8)), name="packed")
    write("others.fits.gz", [fits.PrimaryHDU(), ascii_table, compressed, fits.ImageHDU(numbers("i2", (2, 2)), name="plain")])


if __name__ == "__main__":
    header_file()
    others()
    expected = {"images": images(), "scaled": scaled(), "tables": tables()}
    with open(os.path.join(HERE, "expected.json"), "w") as out:
        json.dump(expected, out)
