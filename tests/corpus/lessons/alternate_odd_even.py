"""two threads print odd and even numbers in turn"""
import threading

cv = threading.Condition()
current = 1
LAST = 10

def printer(parity):
    global current
    while True:
        with cv:
            cv.wait_for(lambda: current > LAST or current % 2 == parity)
            if current > LAST:
                break
            print('%s: %d' % (threading.current_thread().name, current))
            current += 1
            cv.notify()

even = threading.Thread(target=printer, args=(0,), name='even')
odd = threading.Thread(target=printer, args=(1,), name='odd ')
even.start(); odd.start()
even.join(5)
with cv: cv.notify_all()
odd.join(5)
