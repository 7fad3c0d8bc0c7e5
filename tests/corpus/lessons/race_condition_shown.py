import threading
import time

class Account:
    balance = 100

account = Account()

def withdraw(amount, use_lock):
    if use_lock:
        lock.acquire()
    if account.balance >= amount:
        if not use_lock:
            both.wait()             # somebody else comes in here
        time.sleep(0.001)
        with step:                  # each step by itself is whole, and still both go on from an old look
            account.balance -= amount
        ok.append(True)
    else:
        ok.append(False)
    if use_lock:
        lock.release()

lock = threading.Lock()
step = threading.Lock()
both = threading.Barrier(2)
for use_lock in (False, True):
    account.balance = 100
    ok = []
    ts = [threading.Thread(target=withdraw, args=(80, use_lock)) for _ in range(2)]
    for t in ts: t.start()
    for t in ts: t.join()
    print('with lock:   ' if use_lock else 'without lock:', account.balance, sorted(ok))
