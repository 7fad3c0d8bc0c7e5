import sched, time

scheduler = sched.scheduler(time.time, time.sleep)
seen = []

def print_event(name, start=0):
    seen.append(name)

start = time.time()
e1 = scheduler.enter(0.02, 1, print_event, ('first', start))
e2 = scheduler.enter(0.01, 2, print_event, ('zeroth',))
e3 = scheduler.enterabs(start + 0.03, 1, print_event, kwargs={'name': 'last'})
e4 = scheduler.enter(0.03, 1, print_event, ('cancelled', start))
scheduler.cancel(e4)
print(len(scheduler.queue), scheduler.empty(), e1.priority, e3.kwargs)
scheduler.run()
print(seen, scheduler.empty(), time.time() - start >= 0.029)
print(time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(0)), time.gmtime(86400 * 366).tm_yday, time.ctime(0), time.asctime(time.gmtime(10**9)))
print(time.mktime(time.strptime('2020-02-29 12:00', '%Y-%m-%d %H:%M')), time.monotonic() > 0, time.time_ns() > 10**18)
