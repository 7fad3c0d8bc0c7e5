from multiprocessing import Condition, Process, Value

def waiter(cond, data):
    with cond:
        cond.wait()             # no look at data first
        print('data is', data.value)

if __name__ == '__main__':
    cond, data = Condition(), Value('i', 0)
    with cond:
        data.value = 7
        cond.notify_all()
    p = Process(target=waiter, args=(cond, data))
    p.start()
    p.join()
    print('exit code', p.exitcode)
