from concurrent.futures import ThreadPoolExecutor
import time


def work(x):
    time.sleep(0.01)
    if x == 3:
        raise ValueError('three is not allowed')
    return x + 100


def done(f):
    if f.exception():
        seen.append('failed: %s' % f.exception())
    else:
        seen.append('ok: %d' % f.result())


seen = []
with ThreadPoolExecutor(2) as ex:
    for i in range(1, 5):
        ex.submit(work, i).add_done_callback(done)
for line in sorted(seen):
    print(line)
