local function longest(limit)
  local best, found = 0, 0
  for start = 1, limit - 1 do
    local n, steps = start, 0
    while n ~= 1 do
      if n % 2 == 0 then n = n // 2 else n = 3 * n + 1 end
      steps = steps + 1
    end
    if steps > best then best, found = steps, start end
  end
  return found, best
end
print(longest(tonumber(arg[1]) or 30000))
