"""Writes NumPy arrays as a safetensors file; the generators of the golden files share it."""

import json
import struct

import numpy as np

DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}


def save(path, tensors, metadata=None):
    """tensors: name -> array; metadata: name -> string."""
    header, blobs, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    # The widest elements first, so that each array begins at a multiple of its element size.
    for name, array in sorted(tensors.items(), key=lambda item: (-np.asarray(item[1]).itemsize, item[0])):
        shape = np.shape(array)
        array = np.ascontiguousarray(array)
        blob = array.tobytes()
        header[name] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": list(shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
