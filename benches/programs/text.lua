local rounds = tonumber(arg[1]) or 90000
local lengths, found = 0, 0
for i = 0, rounds - 1 do
  local line = "item " .. i .. ",value " .. (i * 7 % 1000) .. ",end"
  local parts = {}
  for part in string.gmatch(line, "[^,]+") do parts[#parts + 1] = part end
  for _, part in ipairs(parts) do
    if string.sub(part, 1, 5) == "value" then found = found + 1 end
    lengths = lengths + #string.upper(part)
  end
  if string.find(line, "99", 1, true) then found = found + 1 end
  lengths = lengths + #table.concat(parts, "-")
end
print(lengths, found)
