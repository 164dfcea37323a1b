"""Makes the HDF5 files that the tests read, and what h5py reads from them as safetensors.

/usr/bin/python3 generate.py   (h5py, NumPy)
"""

import json
import sys

import h5py
import numpy as np

sys.path.insert(0, "..")
from safetensors_writer import save

rng = np.random.default_rng(1)
expected = {}
text = h5py.string_dtype("utf-8")


def put(group, name, array, **options):
    """Stores an array and notes what h5py gives back, in the byte order of the machine."""
    dataset = group.create_dataset(name, data=array, **options)
    values = dataset[...]
    expected[dataset.name[1:]] = values.astype(values.dtype.newbyteorder("="))


with h5py.File("kinds.h5", "w", libver="latest", track_order=True) as file:
    numbers = file.create_group("numbers")
    for code in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
        info = np.iinfo(code)
        values = np.array([[info.min, 0, info.max], [1, 2, 3]], dtype=code)
        put(numbers, code, values)
        put(numbers, f"big_{code}", values.astype(f">{code}"))
    for code in ["f2", "f4", "f8"]:
        values = np.array([[1.5, -0.0, 6e-8], [np.inf, -np.inf, np.nan]], dtype=code)
        put(numbers, code, values)
        put(numbers, f"big_{code}", values.astype(f">{code}"))
    put(numbers, "bool", np.array([True, False, True]))

    layouts = file.create_group("layouts")
    cube = rng.standard_normal((7, 5, 4)).astype("f4")
    put(layouts, "contiguous", cube)
    put(layouts, "gzip_shuffle", cube, chunks=(3, 2, 4), compression="gzip", shuffle=True)
    put(layouts, "fletcher", cube, chunks=(2, 5, 4), fletcher32=True)
    put(layouts, "resizable", cube[:, 0], chunks=(2, 4), maxshape=(None, 4))
    put(layouts, "rank5", rng.integers(0, 1000, (2, 3, 2, 2, 2)).astype("i4"))
    put(layouts, "scalar", np.float64(0.25))
    put(layouts, "no_rows", np.zeros((0, 3), "f4"))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    small = np.arange(6, dtype="i2").reshape(2, 3)
    space = h5py.h5s.create_simple(small.shape)
    h5py.h5d.create(layouts.id, b"compact", h5py.h5t.NATIVE_INT16, space, compact).write(h5py.h5s.ALL, h5py.h5s.ALL, small)
    expected["layouts/compact"] = small
    layouts.create_dataset("empty", data=h5py.Empty("f4"))

    strings = file.create_group("strings")
    strings.create_dataset("variable", data=np.array([["größe", ""], ["a\u2028b", "z"]], dtype=object), dtype=text)
    strings.create_dataset("fixed", data=np.array([b"ab", b"abcd", b""], dtype="S4"))
    strings.create_dataset("scalar", data="one", dtype=text)
    space_padded = h5py.h5t.C_S1.copy()
    space_padded.set_size(4)
    space_padded.set_strpad(h5py.h5t.STR_SPACEPAD)
    dataset = h5py.h5d.create(strings.id, b"spaces", space_padded, h5py.h5s.create_simple((2,)))
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([b"ab  ", b" c  "], dtype="S4"), mtype=space_padded)

    other = file.create_group("other")
    colours = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 42}, basetype="i2")
    other.create_dataset("enum", data=np.array([42, 0, 1], "i2"), dtype=colours)
    big_colours = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 42}, basetype=">i2")
    other.create_dataset("big_enum", data=np.array([42, 0, 1], ">i2"), dtype=big_colours)
    other.create_dataset("compound", data=np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
    other.create_dataset("complex", data=np.array([1 + 2j]))
    other.create_dataset("array", data=np.zeros(2, dtype=[("a", "i4", (3,))])["a"], dtype="i4")
    array_type = h5py.h5t.array_create(h5py.h5t.NATIVE_INT32, (3,))
    h5py.h5d.create(other.id, b"array_type", array_type, h5py.h5s.create_simple((2,)))
    other.create_dataset("ragged", data=np.array([np.arange(2), np.arange(3)], dtype=object), dtype=h5py.vlen_dtype("i4"))
    other.create_dataset("reference", data=np.array([numbers.ref], dtype=object), dtype=h5py.ref_dtype)
    other.create_dataset("opaque", data=np.array([b"\x01\x02"], dtype="V2"))
    other.create_dataset("quad", data=np.array([1.0], dtype=np.longdouble))
    other["type"] = np.dtype("f4")
    other["soft"] = h5py.SoftLink("/numbers/f4")
    other["broken"] = h5py.SoftLink("/nowhere/f4")
    other["outside"] = h5py.ExternalLink("other.h5", "/x")

    described = file.create_group("described")
    described.attrs["text"] = "größe"
    described.attrs["bytes"] = np.bytes_("ascii")
    described.attrs["names"] = np.array(["u", "v"], dtype=object)
    described.attrs["gamma"] = 1.4
    described.attrs["half"] = np.float16(0.5)
    described.attrs["count"] = np.int32(-3)
    described.attrs["big_count"] = np.array(7, ">i8")
    described.attrs["periodic"] = True
    described.attrs["flags"] = np.array([True, False])
    described.attrs["matrix"] = np.arange(6, dtype=">f4").reshape(2, 3)
    described.attrs["nothing"] = h5py.Empty("f4")
    described.attrs["link"] = numbers.ref
    described.attrs["pair"] = np.array((1, 2.0), dtype=[("a", "i4"), ("b", "f8")])

# The layout of older files: symbol tables and version 1 headers.
with h5py.File("old.h5", "w", libver="earliest") as file:
    steps = np.arange(40, dtype="i4").reshape(20, 2)
    file.create_dataset("steps", data=steps, chunks=(6, 2), compression="gzip")
    file["steps"].attrs["unit"] = "s"
    # Declared as 4 TB, written at one place, so the file stays small.
    huge = file.create_dataset("huge", (1_000_000, 1_000_000), "f4", chunks=(16, 16), fillvalue=-1)
    huge[654_320:654_324, 123_456:123_460] = np.arange(16).reshape(4, 4)
    # 40 MB that compress to nothing.
    wide = file.create_dataset("wide", (5, 2_000_000), "f4", chunks=(1, 500_000), compression="gzip", fillvalue=-1)
    wide[2, 1_700_000:1_700_003] = [1, 2, 3]
    wide[4, 0] = 4
    # Rows of 4 GB, never written.
    file.create_dataset("long", (2, 2**30), "f4", chunks=(1, 2**20))
    file["times"] = np.linspace(0, 1, 20)
    expected["old/steps"] = steps
    expected["old/times"] = np.linspace(0, 1, 20)

save("expected.safetensors", expected, {"h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version})
