"""Writes the PyTorch files that readTorch is tested with, and what is in them, as expected.json.

    /usr/bin/python3 generate.py                     the files of this folder
    /usr/bin/python3 generate.py FOLDER SEED COUNT   COUNT random checkpoints and their expected.json in FOLDER

expected.json: file -> description of the value. A tensor is described by dtype, shape and the row-major bytes of its
elements (little-endian, hexadecimal), everything else by its kind and contents.
"""

import argparse
import collections
import io
import json
import os
import pathlib
import random
import sys
import zipfile

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
    torch.bool: "BOOL", torch.complex64: "C64", torch.complex128: "C128",
}
NUMPY_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "complex64": "C64", "complex128": "C128",
}


def described(value):
    if isinstance(value, torch.Tensor):
        tensor = value.detach().contiguous().clone()
        bits = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
        return {"tensor": NAMES[tensor.dtype], "shape": list(tensor.shape), "bytes": bits.numpy().tobytes().hex()}
    if isinstance(value, np.ndarray):
        little = value.astype(value.dtype.newbyteorder("<"))
        return {"tensor": NUMPY_NAMES[value.dtype.name], "shape": list(value.shape), "bytes": little.tobytes().hex()}
    if isinstance(value, np.generic):
        return described(value.item())
    if isinstance(value, argparse.Namespace):
        return described(vars(value))
    if isinstance(value, dict):
        plain = all(isinstance(key, (str, int, float)) and not isinstance(key, bool) for key in value)
        if plain and len({str(key) for key in value}) == len(value):
            return {"record": {str(key): described(item) for key, item in value.items()}}
        return {"map": [[described(key), described(item)] for key, item in value.items()]}
    if isinstance(value, (set, frozenset)):
        return {"set": [described(item) for item in value]}
    if isinstance(value, (list, tuple)):
        return {"list": [described(item) for item in value]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {"value": value}
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": np.float64(value).tobytes().hex()}
    if isinstance(value, complex):
        return {"value": {"re": value.real, "im": value.imag}}
    if isinstance(value, (torch.dtype, torch.device, pathlib.PurePath)):
        return {"value": str(value)}
    if isinstance(value, type):
        return {"value": f"{value.__module__}.{value.__name__}"}
    raise TypeError(type(value))


def numbers(shape, dtype, seed):
    """Random tensors of any dtype; the floats have every kind of value."""
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    if dtype.is_complex:
        real = torch.float64 if dtype == torch.complex128 else torch.float32
        return torch.view_as_complex(torch.randn(*shape, 2, generator=generator, dtype=real))
    if dtype.is_floating_point:
        values = torch.randn(shape, generator=generator, dtype=torch.float64).exp().to(dtype) * 3
        flat = values.view(-1)
        for place, special in enumerate([float("nan"), float("inf"), -float("inf"), -0.0, 6e-8][: flat.numel() // 2]):
            flat[place] = special
        return values
    low, high = (0, 256) if dtype == torch.uint8 else (-128, 128)
    return torch.randint(low, high, shape, generator=generator).to(dtype)


def lightning():
    """A checkpoint as PyTorch Lightning writes it, after two steps of Adam."""
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, milestones=[3, 9])
    for _ in range(2):
        adam.zero_grad()
        model(torch.randn(4, 2)).square().sum().backward()
        adam.step()
        schedule.step()
    state = schedule.state_dict()
    return {
        "epoch": 1,
        "global_step": 2,
        "pytorch-lightning_version": "1.8.0",
        "state_dict": model.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 2, "completed": 1}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.tensor(0.5), "dirpath": "/runs"}},
        "optimizer_states": [adam.state_dict()],
        "lr_schedulers": [state],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 1e-3, "in_size": 4096, "args": argparse.Namespace(steps=5000, out=pathlib.PurePosixPath("/a/b"))},
    }


def views():
    base = numbers((4, 6), torch.float32, 1)
    return {
        "base": base,
        "same": base,
        "row": base[2],
        "column": base[:, 1],
        "transposed": base.t(),
        "permuted": numbers((2, 3, 4), torch.float64, 2).permute(2, 0, 1),
        "steps": base[::2, 1::2],
        "expanded": numbers((3, 1), torch.float32, 3).expand(3, 4),
        "overlapping": torch.arange(10.0).as_strided((4, 3), (2, 1), 1),
        "complex": numbers((2, 3), torch.complex64, 4).t(),
        "half": numbers((3, 2), torch.float16, 5).t(),
        "bfloat": numbers((3, 2), torch.bfloat16, 6)[1:],
        "unit axes": numbers((1, 5, 1), torch.int64, 7).transpose(0, 2),
    }


def python_values():
    shared = [1, 2]
    return {
        "ints": [0, -1, 255, 256, 65536, -(2**31), 2**31, 2**53 - 1, 2**53, -(2**53), 2**63, -(2**64) - 1, 10**40],
        "floats": [0.1, -0.0, float("inf"), float("nan"), 5e-324],
        "text": ["", "größe", "日本", "\U0001f600", "x" * 300],
        "bytes": [b"", b"\x00\xff\x80", bytes(300)],
        "bytearray": bytearray(b"abc"),
        "others": [None, True, False, 1 + 2j, (), (1,), (1, 2, 3, 4), set(), {3}, frozenset([4])],
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
        "default": collections.defaultdict(list, {"k": [1]}),
        "counter": collections.Counter({5: 2}),
        "twice": [shared, shared],
        "int keys": {0: "a", 1: "b"},
        "mixed keys": {1: "a", "1": "b"},
        "tuple keys": {("a", 1): 2},
        "__proto__": {"constructor": 1, "": 2},
        "numpy": [np.float64(0.1), np.int64(-3), np.bool_(True), np.float32(0.5), np.complex128(1 - 2j)],
        "arrays": [np.arange(6, dtype=">i2").reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
                   np.array(7, dtype=np.uint64), np.zeros((0, 3), np.float32), np.array([1, 2], np.float16)],
        "torch": [torch.float32, torch.bfloat16, torch.device("cuda:1"), torch.device("cpu"), torch.Size([2, 3])],
        "namespace": argparse.Namespace(lr=0.1, nested=argparse.Namespace(a=[1])),
        "class": torch.Tensor,
    }


def every_dtype():
    tensors = {NAMES[dtype]: numbers((3, 4), dtype, seed) for seed, dtype in enumerate(NAMES)}
    tensors["wide"] = torch.tensor([2**63 - 1, -(2**63)])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["parameter"] = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    return tensors


def rewritten(data, change, **options):
    """The archive with its members changed: change(name, bytes) -> bytes or None."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", **options) as new:
        for info in old.infolist():
            content = change(info.filename, old.read(info))
            if content is not None:
                new.writestr(zipfile.ZipInfo(info.filename), content, compress_type=options.get("compression"))
    return out.getvalue()


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def swapped(name, content):
    """The tensors of every_dtype's 4-byte floats, as a machine of the other byte order writes them."""
    return np.frombuffer(content, "<f4").astype(">f4").tobytes() if "/data/" in name else content


def fixed(folder):
    expected = {}

    def case(name, value, data):
        write(folder, name, data)
        expected[name] = described(value)

    plain = {
        "state-dict.pt": torch.nn.Linear(3, 2).state_dict(),
        "lightning.ckpt": lightning(),
        "views.pt": views(),
        "dtypes.pt": every_dtype(),
    }
    for name, value in plain.items():
        case(name, value, saved(value))
    for protocol in (2, 3, 4, 5):
        value = python_values()
        case(f"python-{protocol}.pt", value, saved(value, pickle_protocol=protocol))
    case("tensor.pt", torch.arange(3), saved(torch.arange(3)))
    deflated = {"a": torch.arange(40.0), "b": torch.zeros(2, 2)}
    case("deflated.pt", deflated, rewritten(saved(deflated), lambda _, c: c, compression=zipfile.ZIP_DEFLATED))
    big = rewritten(saved(deflated), swapped, compression=zipfile.ZIP_STORED)
    with zipfile.ZipFile(io.BytesIO(big)) as archive:
        root = archive.namelist()[0].split("/")[0]
    buffer = io.BytesIO(big)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(f"{root}/byteorder", "big")
    case("big-endian.pt", deflated, buffer.getvalue())
    write(folder, "legacy.pt", saved(deflated, _use_new_zipfile_serialization=False))
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), scripted)
    write(folder, "script.pt", scripted.getvalue())
    return expected


def random_value(source, depth):
    kind = source.choice(["tensor", "tensor", "tensor", "dict", "list", "int", "float", "str", "set"] if depth else ["tensor", "int"])
    if kind == "tensor":
        dtype = source.choice(list(NAMES))
        shape = tuple(source.randint(0, 4) for _ in range(source.randint(0, 4)))
        tensor = numbers(shape, dtype, source.randint(0, 2**31))
        order = list(range(tensor.dim()))
        source.shuffle(order)
        tensor = tensor.permute(order)
        for axis in range(tensor.dim()):
            if source.random() < 0.3:
                tensor = tensor.narrow(axis, 0, source.randint(0, tensor.shape[axis]))
            if tensor.shape[axis] == 1 and source.random() < 0.5:
                tensor = tensor.expand([3 if i == axis else n for i, n in enumerate(tensor.shape)])
        return tensor
    if kind == "dict":
        return {"".join(source.choices("ab.é", k=3)): random_value(source, depth - 1) for _ in range(source.randint(0, 4))}
    if kind == "list":
        return [random_value(source, depth - 1) for _ in range(source.randint(0, 4))]
    if kind == "set":
        return {source.randint(-99, 99)}
    if kind == "int":
        return source.randint(-(2 ** source.randint(1, 80)), 2 ** source.randint(1, 80))
    return source.gauss(0, 1) if kind == "float" else "".join(source.choices("xyz ü", k=source.randint(0, 9)))


def randomly(folder, seed, count):
    source = random.Random(seed)
    expected = {}
    for i in range(count):
        value = {f"{n}": random_value(source, 3) for n in range(6)}
        value["again"] = value["0"]
        write(folder, f"{i}.pt", saved(value, pickle_protocol=source.choice([2, 3, 4, 5])))
        expected[f"{i}.pt"] = described(value)
    return expected


if __name__ == "__main__":
    torch.manual_seed(1)
    target = sys.argv[1] if len(sys.argv) > 1 else HERE
    contents = randomly(target, int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 1 else fixed(target)
    with open(os.path.join(target, "expected.json"), "w") as out:
        json.dump(contents, out)
