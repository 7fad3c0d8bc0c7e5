from concurrent.futures import ThreadPoolExecutor, as_completed
import threading

def task(n):
    return n, threading.current_thread().name.startswith('ThreadPoolExecutor-')

def done(fn):
    if fn.cancelled():
        print('{}: canceled'.format(fn.arg))
    elif fn.done():
        error = fn.exception()
        if error:
            print('{}: error returned: {}'.format(fn.arg, error))
        else:
            print('{}: value returned: {}'.format(fn.arg, fn.result()))

def fails(n):
    raise ValueError('the value {} is no good'.format(n))

ex = ThreadPoolExecutor(max_workers=1)
for arg, f in ((1, task), (2, fails), (3, task)):
    fut = ex.submit(f, arg)
    fut.arg = arg
    fut.add_done_callback(done)
    fut.exception()
ex.shutdown(wait=True)
with ThreadPoolExecutor(max_workers=3, thread_name_prefix='fetch') as ex:
    urls = {'a': 1, 'b': 2, 'c': 0}
    future_to_url = {ex.submit(lambda v: 10 // v, v): k for k, v in urls.items()}
    lines = []
    for future in as_completed(future_to_url):
        url = future_to_url[future]
        try:
            data = future.result()
        except Exception as exc:
            lines.append('%r generated an exception: %s' % (url, exc))
        else:
            lines.append('%r page is %d bytes' % (url, data))
    print('\n'.join(sorted(lines)))
