# order: any
import multiprocessing
import time
import sys


def daemon():
    p = multiprocessing.current_process()
    print('Starting:', p.name)
    sys.stdout.flush()
    time.sleep(2)
    print('Exiting :', p.name)
    sys.stdout.flush()


def non_daemon():
    p = multiprocessing.current_process()
    print('Starting:', p.name)
    sys.stdout.flush()
    print('Exiting :', p.name)
    sys.stdout.flush()


if __name__ == '__main__':
    d = multiprocessing.Process(name='daemon', target=daemon)
    d.daemon = True
    n = multiprocessing.Process(name='non-daemon', target=non_daemon)
    n.daemon = False
    d.start()
    time.sleep(0.2)
    n.start()
    d.join(0.1)
    print('d.is_alive()', d.is_alive())
    n.join()
