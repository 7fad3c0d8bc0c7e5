"""Image filters on shared memory; each process works on some rows."""
import array
import math
import multiprocessing
import struct
from multiprocessing import shared_memory, resource_tracker
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import SharedMemory, ShareableList

WIDTH, HEIGHT = 32, 12


class Image:
    """Grey values in a block of shared memory, after a header with the size."""
    HEADER = struct.Struct("<4sHH")

    def __init__(self, shm, width=None, height=None):
        self.shm = shm
        if width is not None:
            self.HEADER.pack_into(shm.buf, 0, b"GREY", width, height)
        magic, self.width, self.height = self.HEADER.unpack_from(shm.buf, 0)
        if magic != b"GREY":
            raise ValueError("not an image: %r" % bytes(magic))

    @classmethod
    def create(cls, width, height):
        return cls(SharedMemory(create=True, size=cls.HEADER.size + width * height), width, height)

    @classmethod
    def attach(cls, name):
        return cls(SharedMemory(name=name))

    def _offset(self, x, y):
        if not (0 <= x < self.width and 0 <= y < self.height):
            raise IndexError((x, y))
        return self.HEADER.size + y * self.width + x

    def __getitem__(self, xy):
        return self.shm.buf[self._offset(*xy)]

    def __setitem__(self, xy, value):
        self.shm.buf[self._offset(*xy)] = max(0, min(255, int(value)))

    def get(self, x, y):
        return self[min(max(x, 0), self.width - 1), min(max(y, 0), self.height - 1)]

    def row(self, y):
        start = self._offset(0, y)
        return bytes(self.shm.buf[start:start + self.width])

    def show(self, shades=" .:*#@"):
        for y in range(self.height):
            print("".join(shades[v * len(shades) // 256] for v in self.row(y)).rstrip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shm.close()


def draw(name, rows):
    with Image.attach(name) as image:
        for y in rows:
            for x in range(image.width):
                d = math.hypot((x - image.width / 2) / 2, y - image.height / 2)
                image[x, y] = 255 - d * 40 if d < 5 else (x * 8 if y > image.height - 3 else 0)


def blur(source, target, rows):
    with Image.attach(source) as a, Image.attach(target) as b:
        for y in rows:
            for x in range(a.width):
                b[x, y] = sum(a.get(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)) // 9


def invert(source, target, rows):
    with Image.attach(source) as a, Image.attach(target) as b:
        for y in rows:
            for x in range(a.width):
                b[x, y] = 255 - a[x, y]


def in_parallel(function, *names, workers=3):
    ps = [multiprocessing.Process(target=function, args=(*names, range(k, HEIGHT, workers))) for k in range(workers)]
    for p in ps:
        p.start()
    for p in ps:
        p.join()
    return [p.exitcode for p in ps]


def change_list(name):
    l = ShareableList(name=name)
    l[0] = l[0] * 2
    l[2] = "changed"
    l.shm.close()


def sum_block(name, start, stop, q):
    shm = shared_memory.SharedMemory(name)
    numbers = shm.buf.cast("i")
    q.put(sum(numbers[start:stop]))
    numbers.release()
    shm.close()


def main():
    original, blurred, negative = (Image.create(WIDTH, HEIGHT) for _ in range(3))
    try:
        print(in_parallel(draw, original.shm.name))
        original.show()
        print(in_parallel(blur, original.shm.name, blurred.shm.name))
        blurred.show()
        print(in_parallel(invert, original.shm.name, negative.shm.name), negative[0, 0], negative.row(HEIGHT - 1)[:5])
        print(sum(map(sum, map(original.row, range(HEIGHT)))) + sum(map(sum, map(negative.row, range(HEIGHT)))) == 255 * WIDTH * HEIGHT)
        for bad in (lambda: original[WIDTH, 0], lambda: original[0, -1]):
            try:
                bad()
            except IndexError as e:
                print("IndexError", e)
        original.shm.buf[:4] = b"NONE"
        try:
            Image.attach(original.shm.name)
        except ValueError as e:
            print(e)
    finally:
        for image in (original, blurred, negative):
            image.shm.close()
            image.shm.unlink()
    try:
        SharedMemory(name=original.shm.name)
    except FileNotFoundError as e:
        print(type(e).__name__, e.errno)

    l = ShareableList([21, 3.5, "text here", True, None, b"bytes"])
    p = multiprocessing.Process(target=change_list, args=(l.shm.name,))
    p.start()
    p.join()
    print(list(l), len(l), l.count(3.5), l.index(True))
    for bad in (lambda: l.__setitem__(2, "much too long for this place" * 3), lambda: l[9]):
        try:
            bad()
        except (ValueError, IndexError) as e:
            print(type(e).__name__, e)
    l.shm.close()
    l.shm.unlink()

    numbers = array.array("i", range(100))
    shm = SharedMemory(create=True, size=len(numbers) * numbers.itemsize)
    shm.buf[:len(numbers) * numbers.itemsize] = numbers.tobytes()
    q = multiprocessing.SimpleQueue()
    ps = [multiprocessing.Process(target=sum_block, args=(shm.name, a, a + 25, q)) for a in range(0, 100, 25)]
    for p in ps:
        p.start()
    print(sum(q.get() for _ in ps), shm.size >= 400)
    for p in ps:
        p.join()
    shm.close()
    shm.unlink()
    with SharedMemoryManager() as smm:
        sl = smm.ShareableList(range(5))
        block = smm.SharedMemory(size=16)
        block.buf[0] = 7
        print(list(sl), len(sl), block.buf[0], type(block).__name__)


if __name__ == "__main__":
    main()
