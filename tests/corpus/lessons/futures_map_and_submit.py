import concurrent.futures
import math
import time

PRIMES = [
    112272535095293,
    112582705942171,
    112272535095297,
    115280095190773 % 10**7,
    1099726899285419 % 10**8]

def is_prime(n):
    if n < 2: return False
    if n == 2: return True
    if n % 2 == 0:
        return False
    sqrt_n = int(math.floor(math.sqrt(min(n, 10 ** 7))))
    for i in range(3, sqrt_n + 1, 2):
        if n % i == 0:
            return False
    return True

def main():
    with concurrent.futures.ProcessPoolExecutor() as executor:
        for number, prime in zip(PRIMES, executor.map(is_prime, PRIMES)):
            print('%d is prime: %s' % (number, prime))

def wait_a_bit(seconds):
    time.sleep(seconds)
    return f'Done Sleeping...{seconds}'

if __name__ == '__main__':
    main()
    with concurrent.futures.ThreadPoolExecutor() as executor:
        secs = [.05, .03, .01]
        results = executor.map(wait_a_bit, secs)
        for result in results:
            print(result)
        f1 = executor.submit(wait_a_bit, 0)
        print(f1.result())
