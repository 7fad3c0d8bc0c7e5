import threading
import time

balance = 0
lock = threading.Lock()


def deposit(amount, times):
    global balance
    for _ in range(times):
        lock.acquire()
        try:
            current = balance
            time.sleep(0)
            balance = current + amount
        finally:
            lock.release()


if __name__ == '__main__':
    workers = [threading.Thread(target=deposit, args=(n, 200), name='deposit-%d' % n) for n in (1, 2, 3)]
    for w in workers:
        print('starting', w.getName())
        w.start()
    for w in workers:
        w.join()
        print('%s is %s' % (w.name, 'alive' if w.is_alive() else 'done'))
    print('balance: {:>8,}'.format(balance))
