-- Takes the parameters that carry credentials off a query. Every other byte stays as the client wrote it: Envoy's own
-- mutation of queries decodes them all, and "%26" in a value would reach a backend as another parameter.
--
-- The names are data, by the route's context. No error is raised whatever a client sends.

local char, concat, find, gmatch, gsub, match, sub =
  string.char, table.concat, string.find, string.gmatch, string.gsub, string.match, string.sub

local function octet(digits) return char(tonumber(digits, 16)) end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  local mark = find(path, "?", 1, true)
  if mark == nil then return end
  local names, kept, found = handle:filterContext(), {}, false
  for parameter in gmatch(sub(path, mark + 1), "[^&]+") do
    local name = gsub(match(parameter, "^[^=]*"), "%%(%x%x)", octet)
    if names:get(name) then found = true else kept[#kept + 1] = parameter end
  end
  if not found then return end
  local rest = sub(path, 1, mark - 1)
  if #kept > 0 then rest = rest .. "?" .. concat(kept, "&") end
  headers:replace(":path", rest)
end
