# Objects that change: attributes, methods, a property of the class, inheritance.
import sys

class Account:
    fee = 1

    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance
        self.moves = 0

    def deposit(self, amount):
        self.balance += amount
        self.moves += 1

    def withdraw(self, amount):
        if amount + self.fee > self.balance:
            return False
        self.balance -= amount + self.fee
        self.moves += 1
        return True

class Savings(Account):
    def __init__(self, owner, balance, rate):
        super().__init__(owner, balance)
        self.rate = rate

    def deposit(self, amount):
        super().deposit(amount + self.rate)

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400000
accounts = [Account("a", 100), Savings("b", 50, 2), Account("c", 10)]
refused = 0
for i in range(rounds):
    account = accounts[i % 3]
    account.deposit(i % 10)
    if not account.withdraw(i % 13):
        refused += 1
print(refused, [account.balance for account in accounts], sum(account.moves for account in accounts))
