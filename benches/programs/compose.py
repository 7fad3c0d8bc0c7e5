# Functions as values: closures, lambdas, captured variables that change.
import sys

def adder(n):
    return lambda x: x + n

def compose(f, g):
    return lambda x: g(f(x))

def tally():
    total = 0
    def add(x):
        nonlocal total
        total += x
        return total
    return add

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
f = compose(adder(1), compose(adder(2), adder(-3)))
add = tally()
for i in range(rounds):
    add(f(i))
print(add(0))
