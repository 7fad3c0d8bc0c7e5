import sched
import time

scheduler = sched.scheduler(time.time, time.sleep)
order = []


def print_event(name, start):
    order.append(name)


start = time.time()
scheduler.enter(0.04, 1, print_event, ('second', start))
scheduler.enter(0.02, 1, print_event, ('first', start))
e = scheduler.enter(0.03, 1, print_event, ('cancelled', start))
scheduler.enter(0.04, 0, print_event, ('more important', start))
scheduler.cancel(e)
scheduler.run()
print(order, scheduler.empty())
