# notify() comes before wait(): nobody hears it
import threading
import time

condition = threading.Condition()


def consumer():
    time.sleep(0.1)                 # too late
    with condition:
        condition.wait()
        print('consumer woke up')


def producer():
    with condition:
        print('producer notifies')
        condition.notify()


c = threading.Thread(target=consumer)
p = threading.Thread(target=producer)
c.start()
p.start()
p.join()
c.join()
