import threading

def worker(own, following, letter):
    for _ in range(5):
        own.acquire()
        print(letter, end='')
        following.release()

a, b, c = threading.Lock(), threading.Lock(), threading.Lock()
b.acquire(); c.acquire()
ts = [threading.Thread(target=worker, args=x) for x in ((a, b, 'A'), (b, c, 'B'), (c, a, 'C'))]
for t in ts: t.start()
for t in ts: t.join()
print()
