local function make(depth)
  if depth == 0 then return { left = nil, right = nil } end
  return { left = make(depth - 1), right = make(depth - 1) }
end
local function count(node)
  if node.left == nil then return 1 end
  return 1 + count(node.left) + count(node.right)
end
local total = 0
for _ = 1, tonumber(arg[1]) or 50 do total = total + count(make(12)) end
print(total)
