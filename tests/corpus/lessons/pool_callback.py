import multiprocessing as mp
import time


def foo_pool(x):
    time.sleep(0.01)
    return x * x


result_list = []


def log_result(result):
    result_list.append(result)


def apply_async_with_callback():
    pool = mp.Pool()
    for i in range(10):
        pool.apply_async(foo_pool, args=(i,), callback=log_result)
    pool.close()
    pool.join()
    print(sorted(result_list))


if __name__ == '__main__':
    apply_async_with_callback()
