# Dicts with keys of both common kinds: filled, read, changed, gone through.
import sys

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 600000
names = ["key" + str(i) for i in range(500)]
by_name = {}
by_number = {}
for i in range(rounds):
    name = names[i * 31 % 500]
    by_name[name] = by_name.get(name, 0) + 1
    number = i * 17 % 1000
    if number in by_number:
        by_number[number] += i
    else:
        by_number[number] = i
total = 0
for name, count in by_name.items():
    total += count * len(name)
for number in by_number:
    total += by_number[number] % 10
print(total)
