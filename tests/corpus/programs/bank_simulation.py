"""Bank simulation: many tellers move money around at the same time.

At the end the bank must hold exactly as much money as at the beginning,
whatever the tellers did.
"""
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from contextlib import contextmanager


class BankError(Exception):
    """Base class of everything that can go wrong here."""


class InsufficientFunds(BankError):
    def __init__(self, account, wanted):
        super().__init__(f"{account.number}: wanted {wanted}, has {account.balance}")
        self.account = account
        self.wanted = wanted


class AccountFrozen(BankError):
    pass


class Account(ABC):
    _next_number = 1000

    def __init__(self, owner, balance=0):
        self.number = "%s-%d" % (self.prefix(), Account._next_number)
        Account._next_number += 1
        self.owner = owner
        self.__balance = balance
        self._frozen = False
        self.lock = threading.RLock()
        self.history = []

    @staticmethod
    @abstractmethod
    def prefix():
        ...

    @property
    def balance(self):
        with self.lock:
            return self.__balance

    @property
    def frozen(self):
        return self._frozen

    @frozen.setter
    def frozen(self, value):
        self._frozen = bool(value)
        self.history.append(("frozen" if value else "thawed", 0))

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("amount must be positive, not {!r}".format(amount))
        with self.lock:
            self.__balance += amount
            self.history.append(("deposit", amount))

    def withdraw(self, amount):
        with self.lock:
            if self._frozen:
                raise AccountFrozen(self.number)
            if self.available() < amount:
                raise InsufficientFunds(self, amount)
            self.__balance -= amount
            self.history.append(("withdraw", amount))

    def available(self):
        return self.__balance

    def __lt__(self, other):
        return self.number < other.number

    def __repr__(self):
        return "<%s %s of %s: %d>" % (type(self).__name__, self.number, self.owner, self.balance)


class Savings(Account):
    rate = 0.02

    @staticmethod
    def prefix():
        return "S"

    def add_interest(self):
        with self.lock:
            self.deposit(max(1, int(self.balance * self.rate)))


class Checking(Account):
    overdraft = 100

    @staticmethod
    def prefix():
        return "C"

    def available(self):
        return super().available() + self.overdraft


@contextmanager
def both(first, second):
    """Locks two accounts, always in the same order."""
    low, high = sorted((first, second))
    with low.lock, high.lock:
        yield


class Bank:
    def __init__(self, name):
        self.name = name
        self.accounts = {}
        self.statistics = defaultdict(int)
        self._statistics_lock = threading.Lock()

    def open(self, kind, owner, balance=0):
        account = kind(owner, balance)
        self.accounts[account.number] = account
        return account

    def count(self, what):
        with self._statistics_lock:
            self.statistics[what] += 1

    def transfer(self, source, target, amount):
        with both(source, target):
            source.withdraw(amount)
            target.deposit(amount)

    def total(self):
        return sum(account.balance for account in self.accounts.values())

    def __iter__(self):
        return iter(sorted(self.accounts.values()))

    def __len__(self):
        return len(self.accounts)

    def __contains__(self, number):
        return number in self.accounts


class Teller(threading.Thread):
    def __init__(self, bank, rounds, seed):
        threading.Thread.__init__(self, name="teller-%d" % seed)
        self.bank = bank
        self.rounds = rounds
        self.random = random.Random(seed)

    def run(self):
        accounts = list(self.bank)
        for _ in range(self.rounds):
            source, target = self.random.sample(accounts, 2)
            try:
                self.bank.transfer(source, target, self.random.randint(1, 400))
            except InsufficientFunds:
                self.bank.count("refused")
            except AccountFrozen:
                self.bank.count("frozen")
            else:
                self.bank.count("done")
            if self.random.random() < 0.02:
                time.sleep(0.001)


def main():
    bank = Bank("First Bank of Threads")
    for owner in ("Ann", "Bob", "Cid", "Dora"):
        bank.open(Savings, owner, 500)
        bank.open(Checking, owner, 200)
    print(bank.name, "has", len(bank), "accounts and", bank.total())
    print(*bank, sep="\n")
    print("S-1000" in bank, "X-1" in bank)

    tellers = [Teller(bank, 150, seed) for seed in range(5)]
    for teller in tellers:
        teller.start()
    frozen = bank.accounts["C-1003"]
    frozen.frozen = True
    time.sleep(0.01)
    frozen.frozen = False
    for teller in tellers:
        teller.join()
    print("total after the day:", bank.total())
    print("all tries:", sum(bank.statistics.values()))
    print("nobody below the limit:", all(a.balance >= -getattr(a, "overdraft", 0) for a in bank))

    ann = bank.open(Savings, "Zoe", 50)
    for bad in (0, -5):
        try:
            ann.deposit(bad)
        except ValueError as error:
            print("ValueError:", error)
    try:
        ann.withdraw(51)
    except BankError as error:
        print(type(error).__name__, error, error.wanted)
    ann.add_interest()
    print(ann, ann.history)
    try:
        Account("nobody")
    except TypeError as error:
        print(error)
    try:
        ann.balance = 10 ** 6
    except AttributeError as error:
        print(error)
    print(hasattr(ann, "__balance"), ann._Account__balance)


if __name__ == "__main__":
    main()
