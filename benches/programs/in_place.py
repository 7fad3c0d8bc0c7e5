# In-place work on lists: sorts by hand, rotation, prefix sums, two pointers, dynamic programming.
import sys
def bubble(xs):
    n = len(xs)
    for i in range(n):
        for j in range(n - 1 - i):
            if xs[j] > xs[j + 1]:
                xs[j], xs[j + 1] = xs[j + 1], xs[j]
def quick(xs, low, high):
    if low < high:
        pivot = xs[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while xs[i] < pivot:
                i += 1
            while xs[j] > pivot:
                j -= 1
            if i <= j:
                xs[i], xs[j] = xs[j], xs[i]
                i += 1
                j -= 1
        quick(xs, low, j)
        quick(xs, i, high)
def distance(a, b):
    row = list(range(len(b) + 1))
    for i in range(1, len(a) + 1):
        previous = row[0]
        row[0] = i
        for j in range(1, len(b) + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + cost)
    return row[-1]
def knapsack(weights, values, capacity):
    best = [0] * (capacity + 1)
    for w, v in zip(weights, values):
        for c in range(capacity, w - 1, -1):
            if best[c - w] + v > best[c]:
                best[c] = best[c - w] + v
    return best[capacity]
def main(rounds):
    total = 0
    for r in range(rounds):
        xs = [(i * 7919 + r) % 1009 for i in range(120)]
        bubble(xs)
        ys = [(i * 104729 + r) % 10007 for i in range(1000)]
        quick(ys, 0, len(ys) - 1)
        total += xs[5] + ys[7]
        total += distance("kitten sitting on the mat", "sitting kitten at the mall")
        total += knapsack([3, 5, 7, 11, 13], [4, 6, 9, 13, 15], 300)
        prefix = [0]
        for x in xs:
            prefix.append(prefix[-1] + x)
        total += prefix[-1]
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
