local function insertion(items)
  for i = 2, #items do
    local item, j = items[i], i - 1
    while j >= 1 and items[j] > item do
      items[j + 1] = items[j]
      j = j - 1
    end
    items[j + 1] = item
  end
  return items
end
local n = tonumber(arg[1]) or 60000
local seed = 7
local numbers = {}
for i = 1, n do
  seed = (seed * 1103515245 + 12345) % 2147483648
  numbers[i] = seed
end
local ordered = table.move(numbers, 1, n, 1, {})
table.sort(ordered)
local by_rest = table.move(numbers, 1, n, 1, {})
table.sort(by_rest, function(a, b)
  local ra, rb = a % 1000, b % 1000
  if ra ~= rb then return ra < rb end
  return a < b
end)
local by_hand = insertion(table.move(numbers, 1, n // 100, 1, {}))
print(ordered[n // 2 + 1], by_rest[n // 2 + 1], by_hand[1])
