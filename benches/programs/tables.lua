local rounds = tonumber(arg[1]) or 600000
local names = {}
for i = 0, 499 do names[i] = "key" .. i end
local by_name, by_number = {}, {}
for i = 0, rounds - 1 do
  local name = names[i * 31 % 500]
  by_name[name] = (by_name[name] or 0) + 1
  local number = i * 17 % 1000
  if by_number[number] then by_number[number] = by_number[number] + i
  else by_number[number] = i end
end
local total = 0
for name, count in pairs(by_name) do total = total + count * #name end
for number, value in pairs(by_number) do total = total + value % 10 end
print(total)
