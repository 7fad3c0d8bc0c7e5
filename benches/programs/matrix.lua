local function multiply(a, b, n)
  local result = {}
  for i = 1, n do
    local row, ai = {}, a[i]
    for j = 1, n do
      local total = 0
      for k = 1, n do total = total + ai[k] * b[k][j] end
      row[j] = total
    end
    result[#result + 1] = row
  end
  return result
end
local n = tonumber(arg[1]) or 120
local a, b = {}, {}
for i = 0, n - 1 do
  local ra, rb = {}, {}
  for j = 0, n - 1 do
    ra[j + 1] = (i * j) % 7
    rb[j + 1] = (i + j) % 5
  end
  a[i + 1], b[i + 1] = ra, rb
end
local c = multiply(a, b, n)
local total = 0
for i = 1, n do total = total + c[i][i] end
print(total)
