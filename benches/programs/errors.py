# Exceptions that are raised, caught and passed on.
import sys

class Refused(Exception):
    pass

def check(n):
    if n % 5 == 0:
        raise Refused(n)
    return n

def guarded(n):
    try:
        return check(n)
    except Refused:
        return -1
    finally:
        pass

total = 0
for i in range(int(sys.argv[1]) if len(sys.argv) > 1 else 300000):
    total += guarded(i)
print(total)
