"""
Golden values of the Fourier transforms and spectra: /usr/bin/python3 generate.py (NumPy, PyTorch 1.13).

fft.safetensors   transforms by torch.fft in float64 of inputs in float32: names are function, shape or length, norm;
                  `.re` and `.im` are the parts. irfft of a spectrum that no real signal has, too.

The others are excerpts of golden files of papers, made by running the public reference code on stored inputs; with the
folder that has them as an argument, generate.py FOLDER cuts them again:

gdiff-noise         rubenohana/Gibbs-Diffusion: white noise, normalised spectra and the coloured noise, two sizes
gdiff-spectrum      its binned spectra: radians, |F|^2, mean and population deviation; `counts` has what is beyond, too
dust-spectrum       AstroDiff/AstroDDPM: spectra and cross spectra, right-closed bins, empty ones -1 (`cl*`: float64
                    NumPy in multipoles, [e_b, e_b+1)); `bins17` in float32
cmb-field           float64 NumPy: white noise, pixel power in uK^2 and Re ifft2(sqrt(P) fft2(w))
fwht                x and H x in Sylvester's order, from the definition in float64
taper               the cosine taper of width 8
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save  # noqa: E402

NORMS = ("backward", "ortho", "forward")


def parts(name, value, out):
    value = value.numpy()
    if np.iscomplexobj(value):
        out[f"{name}.re"], out[f"{name}.im"] = value.real.copy(), value.imag.copy()
    else:
        out[name] = value


def transforms():
    generator = torch.Generator().manual_seed(7)
    draw = lambda *shape: torch.randn(*shape, generator=generator).float()
    out = {}
    for n in (1, 2, 5, 12, 17):
        x = torch.complex(draw(2, n), draw(2, n))
        half = torch.complex(draw(2, n // 2 + 1), draw(2, n // 2 + 1))
        parts(f"line{n}", x, out)
        parts(f"half{n}", half, out)
        x, half = x.to(torch.complex128), half.to(torch.complex128)
        for norm in NORMS:
            parts(f"fft{n}.{norm}", torch.fft.fft(x, norm=norm), out)
            parts(f"ifft{n}.{norm}", torch.fft.ifft(x, norm=norm), out)
            parts(f"rfft{n}.{norm}", torch.fft.rfft(x.real, norm=norm), out)
            parts(f"irfft{n}.{norm}", torch.fft.irfft(half, n=n, norm=norm), out)
    for h, w in ((1, 4), (6, 5), (7, 8)):
        x = torch.complex(draw(2, h, w), draw(2, h, w))
        half = torch.complex(draw(2, h, w // 2 + 1), draw(2, h, w // 2 + 1))
        parts(f"image{h}x{w}", x, out)
        parts(f"half{h}x{w}", half, out)
        x, half = x.to(torch.complex128), half.to(torch.complex128)
        for norm in NORMS:
            parts(f"fft2.{h}x{w}.{norm}", torch.fft.fft2(x, norm=norm), out)
            parts(f"ifft2.{h}x{w}.{norm}", torch.fft.ifft2(x, norm=norm), out)
            parts(f"rfft2.{h}x{w}.{norm}", torch.fft.rfft2(x.real, norm=norm), out)
            parts(f"irfft2.{h}x{w}.{norm}", torch.fft.irfft2(half, s=(h, w), norm=norm), out)
    save(HERE / "fft.safetensors", out)


def load(path):
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8"}
    array = lambda e: np.frombuffer(data[8 + length :][slice(*e["data_offsets"])], kinds[e["dtype"]]).reshape(e["shape"])
    return {name: array(entry) for name, entry in header.items()}


def excerpts(folder):
    noise = load(folder / "gdiff/colored_noise.safetensors")
    kept = {f"{case}.{name}": noise[f"{case}.{name}"][:2] for case in "ab" for name in ("white", "psd", "noise")}
    save(HERE / "gdiff-noise.safetensors", kept)
    save(HERE / "gdiff-spectrum.safetensors", load(folder / "gdiff/power_spectrum.safetensors"))
    dust = load(folder / "dust-separation/power_spectrum.safetensors")
    of_maps = ("x", "ps100", "std100", "ps17", "std17", "cl", "counts17")
    of_pairs = ("y", "cross17", "cross_std17", "cl_cross", "cl_rho")
    shared = ("bins100", "bins17", "cl_edges", "cl_counts", "cl_ell_eff")
    kept = {name: dust[name][:2] for name in of_maps} | {name: dust[name][:1] for name in of_pairs}
    save(HERE / "dust-spectrum.safetensors", kept | {name: dust[name] for name in shared})
    field = load(folder / "dust-separation/cmb_grf.safetensors")
    save(HERE / "cmb-field.safetensors", {name: field[name][:1] for name in ("white", "map")} | {"P2d": field["P2d"]})
    fwht = load(folder / "ctr-features/fwht.safetensors")
    save(HERE / "fwht.safetensors", {name: array[:1] for name, array in fwht.items()})
    taper = load(folder / "dust-separation/compsep.safetensors")
    save(HERE / "taper.safetensors", {name: taper[name].astype(np.float64) for name in ("apod1d",)})


transforms()
if len(sys.argv) > 1:
    excerpts(Path(sys.argv[1]))
