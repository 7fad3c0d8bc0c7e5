# A script without functions: everything at the top level.
import sys
n = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
total = 0
i = 0
words = ["alpha", "beta", "gamma"]
counts = {}
while i < n:
    if i % 3 == 0:
        total += i
    elif i % 5 == 1:
        total -= 1
    word = words[i % 3]
    counts[word] = counts.get(word, 0) + 1
    i += 1
for k in range(n):
    total ^= k
    x = k * 0.5
    y = x * x - 1.0
print(total, counts, y)
