"""A ring buffer in nameless mapped memory, filled by a child, drained by the parent; positions lie in ctypes fields."""
import ctypes
import mmap
import os
import struct
import sys

CAPACITY = 8
SLOT = struct.Struct("<Hh12s")


class Header(ctypes.Structure):
    _fields_ = [("head", ctypes.c_uint32), ("tail", ctypes.c_uint32), ("closed", ctypes.c_uint8), ("checks", ctypes.c_uint16 * 4)]


class Ring:
    def __init__(self):
        self.size = ctypes.sizeof(Header) + CAPACITY * SLOT.size
        self.memory = mmap.mmap(-1, self.size)
        self.header = Header.from_buffer(self.memory)
        self.room_r, self.room_w = os.pipe()
        self.data_r, self.data_w = os.pipe()
        os.write(self.room_w, b"." * CAPACITY)

    def _place(self, index):
        return ctypes.sizeof(Header) + (index % CAPACITY) * SLOT.size

    def put(self, number, delta, text):
        os.read(self.room_r, 1)
        SLOT.pack_into(self.memory, self._place(self.header.head), number, delta, text.encode())
        self.header.head += 1
        self.header.checks[number % 4] += 1
        os.write(self.data_w, b"!")

    def get(self):
        if not os.read(self.data_r, 1):
            return None
        if self.header.tail == self.header.head and self.header.closed:
            return None
        record = SLOT.unpack_from(self.memory, self._place(self.header.tail))
        self.header.tail += 1
        os.write(self.room_w, b".")
        return record[0], record[1], record[2].rstrip(b"\0").decode()

    def close(self):
        self.header.closed = 1
        os.write(self.data_w, b"!")


def producer(ring):
    for number in range(30):
        ring.put(number, (-1) ** number * number, "item-%02d" % number)
    ring.close()


def main():
    ring = Ring()
    print(ring.size, ctypes.sizeof(Header), SLOT.size, Header.checks.offset)
    pid = os.fork()
    if pid == 0:
        producer(ring)
        os._exit(0)
    total = 0
    lines = []
    while (record := ring.get()) is not None:
        number, delta, text = record
        total += delta
        if number % 7 == 0:
            lines.append(f"{number:>3} {delta:+d} {text}")
    os.waitpid(pid, 0)
    print(*lines, sep="\n")
    print("sum", total, "checks", list(ring.header.checks), "head", ring.header.head, "tail", ring.header.tail)
    raw = bytes(ring.header)
    print(len(raw), struct.unpack_from("<II", raw))
    try:
        ring.memory.close()
    except BufferError as error:
        print("still in use:", error)
    del ring.header
    ring.memory.close()
    print(ring.memory.closed)


if __name__ == "__main__":
    sys.exit(main())
