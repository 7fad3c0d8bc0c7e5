import multiprocessing

def producer(ns, event):
    ns.value = 'This is the value'
    ns.my_list.append('lost')
    event.set()

def consumer(ns, event, looked):
    try:
        print('Before event: {}'.format(ns.value), flush=True)
    except Exception as err:
        print('Before event, error:', str(err), flush=True)
    looked.set()
    event.wait()
    print('After event:', ns.value, flush=True)

def worker(d, key, value):
    d[key] = value

if __name__ == '__main__':
    mgr = multiprocessing.Manager()
    namespace = mgr.Namespace()
    namespace.my_list = []
    event = multiprocessing.Event()
    looked = multiprocessing.Event()
    c = multiprocessing.Process(target=consumer, args=(namespace, event, looked))
    c.start()
    looked.wait()
    p = multiprocessing.Process(target=producer, args=(namespace, event))
    p.start()
    c.join()
    p.join()
    print(namespace.my_list, namespace)
    d = mgr.dict()
    jobs = [multiprocessing.Process(target=worker, args=(d, i, i*2)) for i in range(10)]
    for j in jobs:
        j.start()
    for j in jobs:
        j.join()
    print('Results:')
    for key, value in sorted(dict(d).items()):
        print(key, value, sep='=', end=' ')
    print()
    mgr.shutdown()
