# Lists of lists, read and written by index.
import sys

def multiply(a, b, n):
    result = []
    for i in range(n):
        row = [0] * n
        ai = a[i]
        for j in range(n):
            total = 0
            for k in range(n):
                total += ai[k] * b[k][j]
            row[j] = total
        result.append(row)
    return result

n = int(sys.argv[1]) if len(sys.argv) > 1 else 120
a = [[(i * j) % 7 for j in range(n)] for i in range(n)]
b = [[(i + j) % 5 for j in range(n)] for i in range(n)]
c = multiply(a, b, n)
print(sum(c[i][i] for i in range(n)))
