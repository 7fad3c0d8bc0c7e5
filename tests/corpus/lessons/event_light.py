import threading
import time

event = threading.Event()


def car(number):
    event.wait()
    passed.append(number)


passed = []
cars = [threading.Thread(target=car, args=(n,)) for n in range(4)]
for c in cars:
    c.start()
time.sleep(0.05)
print("waiting:", len(passed), event.is_set())
event.set()
for c in cars:
    c.join()
print("passed:", sorted(passed))
event.clear()
print(event.wait(0.01))
