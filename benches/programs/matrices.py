# Matrices as nested lists: product, transposition, elimination, a game of life.
import sys
def product(a, b):
    n, m, p = len(a), len(b), len(b[0])
    return [[sum(a[i][k] * b[k][j] for k in range(m)) for j in range(p)] for i in range(n)]
def product_loops(a, b):
    n = len(a)
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += a[i][k] * b[k][j]
            c[i][j] = s
    return c
def life(grid):
    n = len(grid)
    new = [[0] * n for _ in range(n)]
    for y in range(n):
        for x in range(n):
            alive = 0
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    if dx or dy:
                        alive += grid[(y + dy) % n][(x + dx) % n]
            new[y][x] = 1 if alive == 3 or (alive == 2 and grid[y][x]) else 0
    return new
def main(rounds):
    n = 24
    a = [[float(i * j % 7) for j in range(n)] for i in range(n)]
    total = 0.0
    grid = [[(x * y + x) % 3 == 0 for x in range(n)] for y in range(n)]
    for _ in range(rounds):
        b = [list(row) for row in zip(*a)]
        c = product(a, b)
        d = product_loops(a, b)
        total += c[3][4] + d[5][6]
        grid = life(grid)
    return total, sum(map(sum, grid))
print(*main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
