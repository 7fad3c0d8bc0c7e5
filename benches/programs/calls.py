# Recursive calls with several arguments, and two functions that call each other.
import sys

def tak(x, y, z):
    if y >= x:
        return z
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))

def is_even(n):
    if n == 0:
        return True
    return is_odd(n - 1)

def is_odd(n):
    if n == 0:
        return False
    return is_even(n - 1)

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
total = 0
for i in range(rounds):
    total += tak(15, 9, 3)
    for k in range(100):
        if is_even(k + i):
            total += 1
print(total)
