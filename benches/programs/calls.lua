local function tak(x, y, z)
  if y >= x then return z end
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
end
local is_odd
local function is_even(n)
  if n == 0 then return true end
  local answer = is_odd(n - 1)
  return answer
end
function is_odd(n)
  if n == 0 then return false end
  local answer = is_even(n - 1)
  return answer
end
local rounds = tonumber(arg[1]) or 60
local total = 0
for i = 0, rounds - 1 do
  total = total + tak(15, 9, 3)
  for k = 0, 99 do
    if is_even(k + i) then total = total + 1 end
  end
end
print(total)
