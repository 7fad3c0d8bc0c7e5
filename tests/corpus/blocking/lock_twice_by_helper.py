from threading import Lock

class Account:
    def __init__(self):
        self._lock = Lock()         # should be an RLock
        self.balance = 0

    def deposit(self, n):
        with self._lock:
            self.balance += n

    def deposit_twice(self, n):
        with self._lock:
            self.deposit(n)
            self.deposit(n)

a = Account()
a.deposit(5)
print(a.balance)
a.deposit_twice(10)
print(a.balance)
