local function count(limit)
  return coroutine.wrap(function()
    local n = 0
    while n < limit do coroutine.yield(n) n = n + 1 end
  end)
end
local function squares(numbers)
  return coroutine.wrap(function()
    for number in numbers do
      if number % 3 == 0 then coroutine.yield(number * number) end
    end
  end)
end
local limit = tonumber(arg[1]) or 150000
local total, odd = 0, 0
for square in squares(count(limit)) do total = total + square end
for n in count(limit) do if n % 2 == 1 then odd = odd + n end end
print(total, odd)
