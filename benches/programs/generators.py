# Generators that feed each other.
import sys

def count(limit):
    n = 0
    while n < limit:
        yield n
        n += 1

def squares(numbers):
    for number in numbers:
        if number % 3 == 0:
            yield number * number

limit = int(sys.argv[1]) if len(sys.argv) > 1 else 150000
print(sum(squares(count(limit))), sum(n for n in count(limit) if n % 2))
