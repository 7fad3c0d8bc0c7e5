from multiprocessing import Pool, Process, Queue, cpu_count, freeze_support
from concurrent.futures import ProcessPoolExecutor
from itertools import product
import math
import sys
import time
import threading

WIDTH = 60
HEIGHT = 22
MAX = 60
SHADES = " .:-=+*#%@"


def escape(cx, cy):
    x = y = 0.0
    for n in range(MAX):
        x2, y2 = x * x, y * y
        if x2 + y2 > 4:
            return n
        x, y = x2 - y2 + cx, 2 * x * y + cy
    return MAX


def line(row):
    cy = -1.2 + 2.4 * row / (HEIGHT - 1)
    return row, ''.join(SHADES[escape(-2.1 + 2.8 * col / (WIDTH - 1), cy) * (len(SHADES) - 1) // MAX] for col in range(WIDTH))


def julia_line(args):
    row, (cx, cy) = args
    out = []
    for col in range(WIDTH):
        x, y = -1.6 + 3.2 * col / (WIDTH - 1), -1.1 + 2.2 * row / (HEIGHT - 1)
        for n in range(MAX):
            if x * x + y * y > 4: break
            x, y = x * x - y * y + cx, 2 * x * y + cy
        else:
            n = MAX
        out.append(SHADES[min(n * 9 // 25, 9)])
    return ''.join(out)


class Canvas:
    def __init__(self, w, h, fill=' '):
        self._cells = [[fill] * w for _ in range(h)]
        self.w, self.h = w, h

    def __setitem__(self, xy, c):
        x, y = xy
        if 0 <= x < self.w and 0 <= y < self.h:
            self._cells[int(y)][int(x)] = c

    def __str__(self):
        return '\n'.join(map(''.join, self._cells))


def spiral(canvas, start, char, steps=200):
    for i in range(steps):
        a = start + i / steps * 2.2 * math.pi
        r = i / steps
        canvas[round(canvas.w / 2 + r * math.cos(a) * canvas.w / 2), round(canvas.h / 2 + r * math.sin(a) * canvas.h / 2)] = char


def strip_worker(rows, out):
    for row in rows:
        out.put(line(row))
    out.put(None)


def histogram(text):
    counts = {c: text.count(c) for c in SHADES}
    return ' '.join('%r:%d' % (c, n) for c, n in counts.items())


if __name__ == '__main__':
    freeze_support()
    t = time.time()
    pool = Pool(processes=2)
    picture = [text for row, text in sorted(pool.imap_unordered(line, range(HEIGHT), chunksize=3))]
    pool.close()
    pool.join()
    print('\n'.join(picture))

    out = Queue()
    strips = [Process(target=strip_worker, args=(range(k, HEIGHT, 3), out)) for k in range(3)]
    for s in strips: s.start()
    rows, ended = {}, 0
    while ended < len(strips):
        item = out.get()
        if item is None:
            ended += 1
            continue
        row, text = item
        rows[row] = text
    for s in strips: s.join()
    print([rows[i] for i in range(HEIGHT)] == picture, histogram('\n'.join(picture)))
    # the set is symmetric
    print(picture == picture[::-1])

    with ProcessPoolExecutor(2) as ex:
        print(*ex.map(julia_line, product(range(HEIGHT), [(-0.4, 0.6)]), chunksize=4), sep='\n')

    canvas = Canvas(41, 15)
    threads = [threading.Thread(target=spiral, args=(canvas, k * math.tau / 3, c)) for k, c in enumerate('abc')]
    for th in threads:
        th.start()
        th.join()
    print(canvas)
    print('took {:.2f} seconds'.format(time.time() - t))
    print(f'{math.pi:.0f} {math.e:6.1f}| {math.inf} {-math.inf} {math.nan} {math.hypot(3, 4)} {math.degrees(math.pi)} {math.log2(8)} '
          f'{math.trunc(-2.7)} {math.floor(-2.7)} {math.ceil(-2.7)} {math.copysign(1, -0.0)} {round(2.5)} {round(-3.5)} {math.fsum([.1] * 10)}')
