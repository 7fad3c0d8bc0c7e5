# Integer arithmetic in loops.
import sys

def longest(limit):
    best = 0
    found = 0
    for start in range(1, limit):
        n = start
        steps = 0
        while n != 1:
            if n % 2 == 0:
                n //= 2
            else:
                n = 3 * n + 1
            steps += 1
        if steps > best:
            best = steps
            found = start
    return found, best

print(*longest(int(sys.argv[1]) if len(sys.argv) > 1 else 30000))
