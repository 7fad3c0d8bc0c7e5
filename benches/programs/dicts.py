# Dicts and sets: counting, grouping, items, get, setdefault, membership, comprehensions.
import sys
def main(rounds):
    total = 0
    for r in range(rounds):
        squares = {i: i * i for i in range(200)}
        groups = {}
        for k, v in squares.items():
            groups.setdefault(v % 7, []).append(k)
        counts = {}
        for k in range(400):
            key = "k%d" % (k % 50)
            counts[key] = counts.get(key, 0) + 1
        seen = set()
        for k in squares:
            if k % 3 in seen:
                total += 1
            seen.add(k % 11)
        both = seen & {1, 2, 3} | {x for x in range(5)}
        total += len(both) + sum(counts.values()) + max(len(g) for g in groups.values())
        for k in list(squares):
            if k & 1:
                del squares[k]
        total += len(squares)
        if (r, r + 1) in {(1, 2): 3}:
            total += 1
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 600))
