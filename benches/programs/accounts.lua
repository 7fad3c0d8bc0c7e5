local Account = { fee = 1 }
Account.__index = Account
function Account.new(owner, balance)
  return setmetatable({ owner = owner, balance = balance, moves = 0 }, Account)
end
function Account:deposit(amount)
  self.balance = self.balance + amount
  self.moves = self.moves + 1
end
function Account:withdraw(amount)
  if amount + self.fee > self.balance then return false end
  self.balance = self.balance - (amount + self.fee)
  self.moves = self.moves + 1
  return true
end
local Savings = setmetatable({}, { __index = Account })
Savings.__index = Savings
function Savings.new(owner, balance, rate)
  local made = Account.new(owner, balance)
  made.rate = rate
  return setmetatable(made, Savings)
end
function Savings:deposit(amount) Account.deposit(self, amount + self.rate) end
local rounds = tonumber(arg[1]) or 400000
local accounts = { Account.new("a", 100), Savings.new("b", 50, 2), Account.new("c", 10) }
local refused = 0
for i = 0, rounds - 1 do
  local account = accounts[i % 3 + 1]
  account:deposit(i % 10)
  if not account:withdraw(i % 13) then refused = refused + 1 end
end
local moves = 0
for _, account in ipairs(accounts) do moves = moves + account.moves end
print(refused, accounts[1].balance, accounts[2].balance, accounts[3].balance, moves)
