# Sorting: by the values themselves, by a key, and by hand.
import sys

def insertion(items):
    for i in range(1, len(items)):
        item = items[i]
        j = i - 1
        while j >= 0 and items[j] > item:
            items[j + 1] = items[j]
            j -= 1
        items[j + 1] = item
    return items

n = int(sys.argv[1]) if len(sys.argv) > 1 else 60000
seed = 7
numbers = []
for _ in range(n):
    seed = (seed * 1103515245 + 12345) % 2147483648
    numbers.append(seed)
ordered = sorted(numbers)
by_rest = sorted(numbers, key=lambda number: (number % 1000, number))
by_hand = insertion(numbers[:n // 100])
print(ordered[n // 2], by_rest[n // 2], by_hand[0])
