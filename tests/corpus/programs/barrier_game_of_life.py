"""Conway's game of life; each thread computes a strip, barriers keep them in step."""
import sys
import threading
from threading import Barrier, BrokenBarrierError, Thread

GLIDER = """
.#.......
..#......
###......
.........
.........
.....###.
.........
.........
""".strip().splitlines()


class Board:
    def __init__(self, rows):
        self.cells = [[c == '#' for c in row] for row in rows]
        self.height, self.width = len(rows), len(rows[0])
        self.next = None

    def neighbours(self, y, x):
        return sum(self.cells[(y + dy) % self.height][(x + dx) % self.width]
                   for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))

    def step_rows(self, rows):
        return {y: [self.neighbours(y, x) in ((2, 3) if self.cells[y][x] else (3,)) for x in range(self.width)]
                for y in rows}

    def __str__(self):
        return '\n'.join(''.join('.#'[alive] for alive in row) for row in self.cells)

    @property
    def population(self):
        return sum(map(sum, self.cells))

    def __hash__(self):
        return hash(tuple(map(tuple, self.cells)))

    def __eq__(self, other):
        return self.cells == other.cells


def parallel(board, generations, threads=3, observer=None):
    new_rows = {}
    generation = 0

    def swap():
        # runs in exactly one thread while all others wait
        nonlocal generation
        board.cells = [new_rows[y] for y in range(board.height)]
        generation += 1
        if observer:
            observer(generation, board)

    barrier = Barrier(threads, action=swap, timeout=30)
    passed = []

    def work(k):
        rows = range(k, board.height, threads)
        for _ in range(generations):
            new_rows.update(board.step_rows(rows))
            passed.append(barrier.wait())

    ts = [Thread(target=work, args=(k,)) for k in range(threads)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    return sorted(passed)


def sequential(board, generations):
    for _ in range(generations):
        rows = board.step_rows(range(board.height))
        board.cells = [rows[y] for y in range(board.height)]


populations = []
board = Board(GLIDER)
print(board, board.population, sep='\n')
passed = parallel(board, 4, observer=lambda g, b: populations.append((g, b.population)))
print('-' * board.width)
print(board)
print(populations)
print(passed)

other = Board(GLIDER)
sequential(other, 4)
print(other == board, other is board, hash(other) == hash(board))
for n in (1, 2, 5):
    a, b = Board(GLIDER), Board(GLIDER)
    parallel(a, 10, threads=n)
    sequential(b, 10)
    print(n, 'threads:', a == b, a.population)

# how barriers break
barrier = Barrier(2)
print(barrier.parties, barrier.n_waiting, barrier.broken)
result = []


def waits():
    try:
        barrier.wait()
    except BrokenBarrierError as e:
        result.append(type(e).__name__)


t = Thread(target=waits)
t.start()
while barrier.n_waiting == 0:
    pass
barrier.abort()
t.join()
print(result, barrier.broken)
try:
    barrier.wait()
except threading.BrokenBarrierError as e:
    print('again', repr(e))
barrier.reset()
print(barrier.broken)
try:
    barrier.wait(timeout=0.01)
except BrokenBarrierError:
    print('nobody came')


def bad_action():
    raise ValueError('in the action')


b = Barrier(1, bad_action)
try:
    b.wait()
except ValueError as e:
    print('ValueError', e, b.broken)
try:
    Barrier(0)
except ValueError as e:
    print(e)
sys.stdout.flush()
