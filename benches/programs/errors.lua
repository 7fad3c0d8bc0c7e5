local function check(n)
  if n % 5 == 0 then error({ refused = n }) end
  return n
end
local function guarded(n)
  local fine, result = pcall(check, n)
  if fine then return result end
  return -1
end
local total = 0
for i = 0, (tonumber(arg[1]) or 300000) - 1 do total = total + guarded(i) end
print(total)
