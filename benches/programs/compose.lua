local function adder(n) return function(x) return x + n end end
local function compose(f, g) return function(x) local y = g(f(x)) return y end end
local function tally()
  local total = 0
  return function(x) total = total + x return total end
end
local f = compose(adder(1), compose(adder(2), adder(-3)))
local add = tally()
for i = 0, (tonumber(arg[1]) or 1000000) - 1 do add(f(i)) end
print(add(0))
