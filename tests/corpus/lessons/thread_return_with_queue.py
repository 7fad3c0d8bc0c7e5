import threading, queue

def foo(bar, q):
    print('hello {0}'.format(bar))
    q.put('foo' + bar)

que = queue.Queue()
threads_list = list()
for i in range(3):
    t = threading.Thread(target=foo, args=('world! %d' % i, que))
    t.start()
    t.join()
    threads_list.append(t)
while not que.empty():
    result = que.get()
    print(result)
