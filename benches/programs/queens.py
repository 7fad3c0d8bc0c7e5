# Lists as sets of places, and recursion.
import sys

def solve(n, row, columns, down, up):
    if row == n:
        return 1
    count = 0
    for column in range(n):
        if columns[column] or down[row + column] or up[row - column + n]:
            continue
        columns[column] = down[row + column] = up[row - column + n] = True
        count += solve(n, row + 1, columns, down, up)
        columns[column] = down[row + column] = up[row - column + n] = False
    return count

n = int(sys.argv[1]) if len(sys.argv) > 1 else 10
print(solve(n, 0, [False] * n, [False] * (2 * n), [False] * (2 * n + 1)))
