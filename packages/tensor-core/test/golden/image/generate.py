"""Makes the images that the tests read, and what Pillow and tifffile read from them as safetensors.

/usr/bin/python3 generate.py   (Pillow, tifffile, NumPy)
"""

import struct
import sys
import zlib

import numpy as np
import tifffile
from PIL import Image, ImageCms

sys.path.insert(0, "..")
from safetensors_writer import save

rng = np.random.default_rng(1)
expected = {}


def note(name, array):
    """[H, W, C]"""
    expected[name] = array[..., None] if array.ndim == 2 else array


def png(name, array, colour_type, bits):
    """A PNG of 16 bits, which Pillow does not write."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = array.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    note(name, array)


def noise(channels, kind):
    shape = (5, 7) if channels == 1 else (5, 7, channels)
    return rng.integers(0, np.iinfo(kind).max + 1, shape).astype(kind)


for name, channels in {"grey8.png": 1, "grey-alpha8.png": 2, "rgb8.png": 3, "rgba8.png": 4}.items():
    array = noise(channels, "u1")
    Image.fromarray(array, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]).save(name)
    note(name, array)
for name, channels, colour_type in [("grey16.png", 1, 0), ("grey-alpha16.png", 2, 4), ("rgb16.png", 3, 2), ("rgba16.png", 4, 6)]:
    png(name, noise(channels, "u2"), colour_type, 16)

palette = Image.fromarray(noise(3, "u1")).quantize(8)
palette.save("palette.png")
note("palette.png", np.asarray(palette.convert("RGB")))
bits = noise(1, "u1") > 128
Image.fromarray(bits).save("bits1.png")
note("bits1.png", np.where(bits, 255, 0).astype("u1"))

# A profile with red and blue exchanged, so that colour management would be seen.
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
profile = profile.replace(b"rXYZ", b"tmp_", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmp_", b"bXYZ", 1)
array = noise(3, "u1")
Image.fromarray(array).save("profile.png", icc_profile=profile)
note("profile.png", array)

for name, array in {
    "grey8.tif": noise(1, "u1"),
    "grey16.tif": noise(1, "u2"),
    "rgb16.tif": noise(3, "u2"),
    "grey32.tif": rng.normal(0, 100, (5, 7)).astype("f4"),
    "rgb32.tif": rng.normal(0, 3, (5, 7, 3)).astype("f4"),
}.items():
    tifffile.imwrite(name, array, photometric="rgb" if array.ndim == 3 else "minisblack", byteorder=">" if "16" in name else "<")
    note(name, array)
pages = np.stack([noise(1, "u1"), noise(1, "u1")])
tifffile.imwrite("pages.tif", pages, photometric="minisblack")
note("pages.tif", pages[1])
tifffile.imwrite("signed.tif", np.zeros((5, 7), "i2"), photometric="minisblack")

array = noise(3, "u1")
Image.fromarray(array).save("rgb.webp", lossless=True)
note("rgb.webp", array)

# Smooth, so that JPEG keeps it.
y, x = np.mgrid[0:16, 0:24]
smooth = np.stack([8 * y + 60, 5 * x + 40, 4 * (x + y) + 30], axis=-1).astype("u1")
Image.fromarray(smooth).save("rgb.jpg", quality=95, subsampling=0)
note("rgb.jpg", np.asarray(Image.open("rgb.jpg")))
Image.fromarray(smooth[..., 1]).save("grey.jpg", quality=95)
note("grey.jpg", np.asarray(Image.open("grey.jpg")))
exif = Image.Exif()
exif[0x0112] = 6
Image.fromarray(smooth).save("turned.jpg", quality=95, subsampling=0, exif=exif)
note("turned.jpg", np.asarray(Image.open("turned.jpg")))
Image.fromarray(smooth).save("turned.png", exif=exif)
Image.fromarray(smooth).save("turned.webp", lossless=True, exif=exif)
note("turned.png", smooth)
note("turned.webp", smooth)
Image.fromarray(smooth).convert("CMYK").save("cmyk.jpg")

save("expected.safetensors", expected, {"pillow": Image.__version__, "tifffile": tifffile.__version__})
