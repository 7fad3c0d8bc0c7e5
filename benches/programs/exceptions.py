# Errors in loops: try without an error, raised and caught, own classes, finally, with.
import sys
class Missing(Exception):
    pass
class Guard:
    def __enter__(self):
        return self
    def __exit__(self, kind, value, trace):
        return False
def lookup(table, key):
    if key not in table:
        raise Missing(key)
    return table[key]
def main(rounds):
    table = {i: i for i in range(0, 100, 2)}
    found = missed = closed = 0
    guard = Guard()
    for i in range(rounds):
        try:
            found += lookup(table, i % 100)
        except Missing as error:
            missed += error.args[0]
        finally:
            closed += 1
        try:
            table[i % 77]
        except KeyError:
            missed += 1
        try:
            int("12x" if i % 5 == 0 else "12")
        except ValueError:
            missed += 1
        with guard:
            closed += 1
    return found, missed, closed
print(*main(int(sys.argv[1]) if len(sys.argv) > 1 else 60000))
