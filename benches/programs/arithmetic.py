# Integer and float arithmetic: primes, collatz, pi, bits, divmod, large integers, conversions.
import sys
import math
def is_prime(n):
    if n < 2:
        return False
    if n % 2 == 0:
        return n == 2
    i = 3
    while i * i <= n:
        if n % i == 0:
            return False
        i += 2
    return True
def pi(terms):
    total = 0.0
    sign = 1.0
    for k in range(terms):
        total += sign / (2 * k + 1)
        sign = -sign
    return 4 * total
def simpson(f, a, b, n):
    h = (b - a) / n
    s = f(a) + f(b)
    for i in range(1, n):
        s += f(a + i * h) * (4 if i % 2 else 2)
    return s * h / 3
def bits(n):
    count = 0
    while n:
        n &= n - 1
        count += 1
    return count
def main(rounds):
    total = 0
    for r in range(rounds):
        total += sum(1 for n in range(3000) if is_prime(n))
        total += int(pi(5000) * 1000)
        total += round(simpson(lambda x: math.sin(x) * x, 0.0, 3.0, 2000), 3)
        for n in range(2000):
            q, m = divmod(n * 37, 11)
            total += bits(n) + q - m + abs(-n) + min(n, 7) + max(n, 5, 3)
            total += n >> 2 ^ n << 1
        big = 1
        for n in range(1, 100):
            big *= n
        total += len(str(big)) + big % 1000007 + pow(3, r, 1009) + 7 ** 3
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 12))
