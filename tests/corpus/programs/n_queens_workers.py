"""N queens and a sudoku, solved by worker processes that share what is left to do."""
import itertools
import multiprocessing as mp
import os
import sys
import time
from queue import Empty


def safe(columns, column):
    row = len(columns)
    return all(c != column and abs(c - column) != row - r for r, c in enumerate(columns))


def solutions(n, start=()):
    if len(start) == n:
        yield start
        return
    for column in range(n):
        if safe(start, column):
            yield from solutions(n, start + (column,))


def queens_worker(n, tasks, results):
    for start in iter(tasks.get, 'STOP'):
        count, first = 0, None
        for s in solutions(n, start):
            count += 1
            first = first or s
        results.put((start, count, first))
    results.put(None)


def parallel_queens(n, workers):
    tasks = mp.Queue()
    results = mp.Queue()
    starts = [(a, b) for a, b in itertools.product(range(n), repeat=2) if safe((a,), b)]
    ps = [mp.Process(target=queens_worker, args=(n, tasks, results), name=f'queens-{i}') for i in range(workers)]
    for p in ps:
        p.start()
    for s in starts:
        tasks.put(s)
    for _ in ps:
        tasks.put('STOP')
    found, stopped = [], 0
    while stopped < workers:
        r = results.get()
        if r is None:
            stopped += 1
        else:
            found.append(r)
    for p in ps:
        p.join()
    total = sum(count for _, count, _ in found)
    best = min(first for _, count, first in found if count)
    return len(found) == len(starts), total, best


def draw(columns):
    for c in columns:
        print(' '.join('Q' if i == c else '.' for i in range(len(columns))))


SUDOKU = """
53..7....
6..195...
.98....6.
8...6...3
4..8.3..1
7...2...6
.6....28.
...419..5
....8..79
"""


def candidates(grid, i):
    r, c = divmod(i, 9)
    used = set(grid[9 * r:9 * r + 9]) | set(grid[c::9])
    for k in range(3):
        start = (r // 3 * 3 + k) * 9 + c // 3 * 3
        used |= set(grid[start:start + 3])
    return [d for d in '123456789' if d not in used]


def solve(grid):
    best = None
    for i, cell in enumerate(grid):
        if cell == '.':
            options = candidates(grid, i)
            if best is None or len(options) < len(best[1]):
                best = i, options
                if len(options) < 2:
                    break
    if best is None:
        return grid
    i, options = best
    for d in options:
        result = solve(grid[:i] + d + grid[i + 1:])
        if result:
            return result
    return None


def sudoku_worker(grid, queue, stop):
    # every worker gets another first guess; only one of them can succeed
    if stop.is_set():
        queue.put(('skipped', None))
    else:
        answer = solve(grid)
        if answer:
            stop.set()
        queue.put(('solved' if answer else 'impossible', answer))


def parallel_sudoku(text):
    grid = ''.join(text.split())
    where = grid.index('.')
    stop, q = mp.Event(), mp.SimpleQueue()
    guesses = candidates(grid, where)
    ps = [mp.Process(target=sudoku_worker, args=(grid[:where] + d + grid[where + 1:], q, stop), daemon=True) for d in guesses]
    for p in ps:
        p.start()
    answers = [q.get() for _ in ps]
    for p in ps:
        p.join()
    return guesses, [a for kind, a in answers if kind == 'solved']


def main():
    for n in (4, 5, 6, 7):
        complete, total, best = parallel_queens(n, workers=2)
        print(n, 'queens:', total, 'solutions, the first is', best, '' if complete else 'INCOMPLETE')
    draw(best)
    print(sum(1 for _ in solutions(6)), list(itertools.islice(solutions(8), 1)))
    guesses, solved = parallel_sudoku(SUDOKU)
    print('guesses', guesses, 'solved', len(solved))
    for r in range(9):
        print('|'.join(' '.join(solved[0][9 * r + c:9 * r + c + 3]) for c in (0, 3, 6)))
        if r in (2, 5):
            print('-----+-----+-----')
    print(all(sorted(solved[0][k::9]) == list('123456789') for k in range(9)))


if __name__ == '__main__':
    sys.exit(main())
