# Instances: properties, inheritance, super, class attributes, static and class methods, operators.
import sys
class Account:
    count = 0
    rate = 2
    def __init__(self, owner, balance=0):
        self.owner = owner
        self._balance = balance
        Account.count += 1
    @property
    def balance(self):
        return self._balance
    @balance.setter
    def balance(self, value):
        self._balance = value
    def deposit(self, amount):
        self.balance = self.balance + amount
        return self
    @staticmethod
    def fee(amount):
        return amount // 100
    @classmethod
    def opened(cls, owner):
        return cls(owner, balance=10)
    def __eq__(self, other):
        return self._balance == other._balance
    def __lt__(self, other):
        return self._balance < other._balance
class Savings(Account):
    def deposit(self, amount):
        super().deposit(amount)
        self.balance += self.rate
        return self
class Vector:
    __slots__ = ("x", "y")
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)
    def __repr__(self):
        return f"Vector({self.x}, {self.y})"
    def __getitem__(self, index):
        return self.x if index == 0 else self.y
    def __len__(self):
        return 2
def main(rounds):
    total = 0
    v = Vector(0, 0)
    for i in range(rounds):
        a = Account("a", i)
        b = Savings.opened("b")
        a.deposit(5).deposit(6)
        b.deposit(7)
        if isinstance(b, Account) and a < b or a == b:
            total += 1
        total += a.balance + b.balance + Account.fee(1000)
        v = v + Vector(1, i)
        total += v[0] + len(v)
    return total, Account.count, v
print(*main(int(sys.argv[1]) if len(sys.argv) > 1 else 40000))
