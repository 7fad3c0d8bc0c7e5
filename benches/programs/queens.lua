local function solve(n, row, columns, down, up)
  if row == n then return 1 end
  local count = 0
  for column = 0, n - 1 do
    if not (columns[column] or down[row + column] or up[row - column + n]) then
      columns[column], down[row + column], up[row - column + n] = true, true, true
      count = count + solve(n, row + 1, columns, down, up)
      columns[column], down[row + column], up[row - column + n] = false, false, false
    end
  end
  return count
end
print(solve(tonumber(arg[1]) or 10, 0, {}, {}, {}))
