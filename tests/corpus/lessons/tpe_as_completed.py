import concurrent.futures
import time

PAGES = {'http://a.example/': 120, 'http://b.example/': 45, 'http://nosuch.example/': None}


def load_url(url, timeout):
    time.sleep(0.01)
    size = PAGES[url]
    if size is None:
        raise OSError('cannot resolve host')
    return 'x' * size


with concurrent.futures.ThreadPoolExecutor(max_workers=5) as executor:
    future_to_url = {executor.submit(load_url, url, 60): url for url in PAGES}
    for future in concurrent.futures.as_completed(future_to_url):
        url = future_to_url[future]
        try:
            data = future.result()
        except Exception as exc:
            print('%r generated an exception: %s' % (url, exc))
        else:
            print('%r page is %d bytes' % (url, len(data)))
# order: any
