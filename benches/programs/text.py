# Strings: made, split, joined, searched, counted.
import sys

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 90000
lengths = 0
found = 0
for i in range(rounds):
    line = "item " + str(i) + ",value " + str(i * 7 % 1000) + ",end"
    parts = line.split(",")
    for part in parts:
        if part.startswith("value"):
            found += 1
        lengths += len(part.upper())
    if "99" in line:
        found += 1
    lengths += len("-".join(parts))
print(lengths, found)
