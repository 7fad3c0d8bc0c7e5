import multiprocessing
import os
import signal
import sys
import time

def exit_error():
    sys.exit(1)

def exit_ok():
    return

def return_value():
    return 1

def raises():
    sys.stderr.close()
    raise RuntimeError('There was an error!')

def terminated():
    time.sleep(30)

def hard():
    os._exit(77)

def text():
    sys.stderr = open(os.devnull, 'w')
    sys.exit('a message')

if __name__ == '__main__':
    jobs = []
    for f in [exit_error, exit_ok, return_value, terminated, hard, text]:
        j = multiprocessing.Process(target=f, name=f.__name__)
        jobs.append(j)
        j.start()
    jobs[3].terminate()
    for j in jobs:
        j.join()
        print('%15s.exitcode = %s' % (j.name, j.exitcode))
    p = multiprocessing.Process(target=terminated)
    p.start()
    print('BEFORE:', p.is_alive(), p.exitcode)
    p.kill()
    p.join(20)
    print('JOINED:', p.is_alive(), p.exitcode, -signal.SIGKILL)
    try:
        p.close()
        p.is_alive()
    except ValueError as e:
        print(e)
