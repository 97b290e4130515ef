#!/usr/bin/env python3
"""Makes the files beside it, for test_npy.c and test_image.c: .npy by NumPy, PNG and JPEG byte by
byte from their specifications, so that no code of libpng or libjpeg is on both sides of a test."""

import os
import struct
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as stream:
        stream.write(data)


def save(name, array, version=(1, 0)):
    with open(os.path.join(HERE, name), "wb") as stream:
        np.lib.format.write_array(stream, array, version=version)


def make_npy():
    ramp = np.arange(12, dtype="<f4") * 0.5 - 1  # -1, -0.5, ... 4.5
    save("f4.npy", ramp[:6].reshape(2, 3))
    save("f8_v2.npy", ramp.astype("<f8").reshape(1, 2, 2, 3) + 1e-9, version=(2, 0))
    save("f4_v3.npy", ramp.reshape(3, 2, 2), version=(3, 0))
    save("scalar.npy", np.float32(2.5).reshape(()))
    save("big_endian.npy", ramp.astype(">f4"))
    save("fortran.npy", np.asfortranarray(ramp.reshape(3, 4)))
    save("object.npy", np.array([1.0, None], dtype=object))
    save("structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4", (2,))]))
    save("integer.npy", np.arange(3, dtype="<i8"))
    save("complex.npy", np.zeros(2, dtype="<c8"))
    save("half.npy", np.zeros(2, dtype="<f2"))
    save("bool.npy", np.zeros(2, dtype="?"))
    save("text.npy", np.array(["a", "b"]))
    save("empty.npy", np.zeros((0, 3), dtype="<f4"))
    save("rank9.npy", np.zeros((1,) * 9, dtype="<f4"))


def chunk(kind, data, damage=0):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data) ^ damage))


def png(width, height, depth, colour, rows, extra=b"", interlace=0, damage=0):
    """rows: bytes of each row without the filter byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", packed, damage)
            + chunk(b"IEND", b""))


def adam7(image):
    """The rows of the seven passes of an image (interlacing of the PNG specification)."""
    for y, x, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
                         (0, 1, 2, 2), (1, 0, 2, 1)):
        for row in image[y::dy]:
            yield row[x::dx]


def make_png():
    grey = [[0, 1, 127], [128, 254, 255]]
    write("grey8.png", png(3, 2, 8, 0, grey))
    write("bad_crc.png", png(3, 2, 8, 0, grey, damage=1))
    # Linear light, says gAMA: the samples must be left alone.
    write("rgb8_gamma.png", png(2, 1, 8, 2, [[10, 20, 30, 200, 100, 50]],
                                chunk(b"gAMA", struct.pack(">I", 100000))))
    # Colours under full and half transparency.
    write("rgba8.png", png(2, 1, 8, 6, [[10, 20, 30, 0, 200, 100, 50, 128]]))
    write("palette2.png", png(3, 1, 2, 3, [[0b00_01_10_00]],
                              chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 9, 8, 7]))
                              + chunk(b"tRNS", bytes([0, 128, 255]))))
    write("grey1.png", png(9, 1, 1, 0, [[0b10110001, 0b10000000]]))
    write("grey16.png", png(3, 1, 16, 0, [struct.pack(">HHH", 0, 0x8080, 0xFFFF)],
                            chunk(b"tRNS", struct.pack(">H", 0))))
    write("rgba16.png", png(1, 1, 16, 6, [struct.pack(">HHHH", 257 * 7, 257 * 99, 257 * 250, 3)]))
    ramp = [[16 * h + w for w in range(10)] for h in range(9)]
    write("interlaced.png", png(10, 9, 8, 0, adam7(ramp), interlace=1))
    write("bomb.png", png(16000, 16000, 8, 2, [[1, 2, 3]]))
    write("huge.png", png(2000000000, 2000000000, 8, 2, [[1, 2, 3]]))
    # A text of nearly 8 MB: libpng unpacks no larger ones.
    write("text.png", png(3, 2, 8, 0, grey,
                          chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(7900000), 9))))


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + bytes(data)


class Bits:
    def __init__(self):
        self.text = ""

    def put(self, value, count):
        if count:
            self.text += format(value, "0%db" % count)

    def take(self):
        self.text += "1" * (-len(self.text) % 8)
        data = bytes(int(self.text[i:i + 8], 2) for i in range(0, len(self.text), 8))
        self.text = ""
        return data.replace(b"\xff", b"\xff\0")


def put_dc(bits, difference):
    """Code of the size is the size in 4 bits (the table below), then the difference."""
    size = abs(difference).bit_length()
    bits.put(size, 4)
    bits.put(difference if difference > 0 else difference + (1 << size) - 1, size)


def jpeg(width, height, blocks, progressive=False, repeats=1):
    """blocks: one list a component of the values of its flat 8 x 8 blocks. With all quantisers 8
    the DC coefficient of a flat block of value v is v - 128."""
    ids = range(1, len(blocks) + 1)
    start = [8, height >> 8, height & 255, width >> 8, width & 255, len(blocks)]
    data = b"\xff\xd8" + segment(0xDB, [0] + [8] * 64)
    data += segment(0xC2 if progressive else 0xC0, start + [b for i in ids for b in (i, 0x11, 0)])
    data += segment(0xC4, [0x00] + [0, 0, 0, 12] + [0] * 12 + list(range(12)))
    data += segment(0xC4, [0x10] + [1] + [0] * 15 + [0])  # code 0: end of block
    bits, last = Bits(), [128] * len(blocks)
    for i in range(len(blocks[0])):
        for c, values in enumerate(blocks):
            put_dc(bits, values[i] - last[c])
            last[c] = values[i]
            bits.put(0, 0 if progressive else 1)
    scan = [len(blocks)] + [b for i in ids for b in (i, 0)]
    data += segment(0xDA, scan + ([0, 0, 0] if progressive else [0, 63, 0])) + bits.take()
    for i in list(ids) * repeats if progressive else ():
        bits.put(0, len(blocks[0]))
        data += segment(0xDA, [1, i, 0, 1, 63, 0]) + bits.take()
    return data + b"\xff\xd9"


def make_jpeg():
    write("grey.jpg", jpeg(16, 8, [[50, 200]]))
    # Y 100, Cb 128, Cr 178: R = 100 + 1.402 * 50, G = 100 - 0.714136 * 50, B = 100
    write("colour.jpg", jpeg(8, 8, [[100], [128], [178]]))
    write("progressive.jpg", jpeg(16, 8, [[50, 200], [128, 128], [128, 128]], progressive=True))
    write("scans.jpg", jpeg(8, 8, [[50]], progressive=True, repeats=250))
    write("cmyk.jpg", jpeg(8, 8, [[10], [20], [30], [40]]))
    write("bomb.jpg", jpeg(16000, 16000, [[50]]))


if __name__ == "__main__":
    make_npy()
    make_png()
    make_jpeg()
