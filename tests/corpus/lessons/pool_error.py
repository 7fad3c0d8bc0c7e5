import multiprocessing
import traceback


def divide(a, b):
    return a / b


def on_error(e):
    print("error callback:", type(e).__name__, e)


if __name__ == '__main__':
    with multiprocessing.Pool(2) as pool:
        good = pool.apply_async(divide, (6, 3))
        bad = pool.apply_async(divide, (1, 0), error_callback=on_error)
        print(good.get())
        try:
            bad.get()
        except ZeroDivisionError as e:
            print("caught:", e)
        print(good.successful(), bad.successful())
# order: any
