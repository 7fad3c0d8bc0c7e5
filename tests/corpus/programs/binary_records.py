# struct + ctypes + array: the same records written three ways must be the same bytes
import array
import ctypes
import io
import struct
import zlib
from dataclasses import astuple, dataclass


class Point(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("id", ctypes.c_uint16), ("x", ctypes.c_float), ("y", ctypes.c_float), ("tag", ctypes.c_char * 6)]


class Word(ctypes.Union):
    _fields_ = [("whole", ctypes.c_uint32), ("halves", ctypes.c_uint16 * 2), ("bytes", ctypes.c_uint8 * 4)]


@dataclass
class Record:
    id: int
    x: float
    y: float
    tag: bytes


FORMAT = struct.Struct("<Hff6s")
records = [Record(i, i * 0.5, -i * 0.25, b"t%d" % (i * i)) for i in range(5)]


def by_struct():
    return b"".join(FORMAT.pack(*astuple(r)) for r in records)


def by_ctypes():
    points = (Point * len(records))(*[astuple(r) for r in records])
    return bytes(points)


def by_buffer():
    memory = bytearray(FORMAT.size * len(records))
    points = (Point * len(records)).from_buffer(memory)
    for point, record in zip(points, records):
        point.id, point.x, point.y, point.tag = astuple(record)
    return bytes(memory)


def main():
    versions = [by_struct(), by_ctypes(), by_buffer()]
    print(ctypes.sizeof(Point), FORMAT.size, [len(v) for v in versions], len(set(versions)))
    print(f"{zlib.crc32(versions[0]):08x}")
    back = (Point * len(records)).from_buffer_copy(versions[0])
    for point in back:
        print(point.id, point.x, point.y, point.tag)
    print([p.id for p in back[1:4]], back[-1].tag)
    word = Word(whole=0x12345678)
    print([hex(h) for h in word.halves], [hex(b) for b in word.bytes])
    word.bytes[3] = 0xFF
    print(hex(word.whole), ctypes.sizeof(Word))
    grid = ((ctypes.c_int * 4) * 3)()
    for row in range(3):
        for column in range(4):
            grid[row][column] = row * 10 + column
    print([list(row) for row in grid], ctypes.sizeof(grid), type(grid).__name__)
    numbers = array.array("i", [5, 6, 7])
    print(numbers.tobytes() == bytes((ctypes.c_int * 3)(*numbers)))
    stream = io.BytesIO(versions[0])
    while chunk := stream.read(FORMAT.size * 2):
        print(len(chunk), [r[0] for r in struct.iter_unpack("<Hff6s", chunk)])
    for wrong in (lambda: Point(1, 2, 3, b"too long"), lambda: (ctypes.c_int * 2)(1, 2, 3), lambda: grid[3],
                  lambda: (ctypes.c_char * 3)(b"ab"), lambda: ctypes.c_int("5")):
        try:
            wrong()
        except Exception as error:
            print(type(error).__name__, error)


main()
