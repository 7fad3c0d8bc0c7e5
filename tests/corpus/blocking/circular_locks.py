"""Two threads take two locks in opposite order."""
import threading
import time

lock_a = threading.Lock()
lock_b = threading.Lock()


def thread_1():
    print('thread 1 takes A')
    with lock_a:
        time.sleep(0.1)
        print('thread 1 wants B')
        with lock_b:
            print('thread 1 has both')


def thread_2():
    time.sleep(0.05)
    with lock_b:
        time.sleep(0.1)
        with lock_a:
            print('thread 2 has both')


if __name__ == '__main__':
    ts = [threading.Thread(target=thread_1, name='first'), threading.Thread(target=thread_2, name='second')]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    print('finished')
