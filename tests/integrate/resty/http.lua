-- As much of lua-resty-http's interface as the printed function calls: the library is in APISIX and Kong, and in no
-- package of Debian's. One GET over a socket of nginx's own, its answer with a content-length.
local client = {}
client.__index = client

function client.new() return setmetatable({ socket = ngx.socket.tcp() }, client) end

function client:set_timeouts(connect, send, read) self.socket:settimeouts(connect, send, read) end

function client:request_uri(uri, params)
  local host, port, path = uri:match("^http://([^:/]+):(%d+)(/.*)$")
  local connected, err = self.socket:connect(host, tonumber(port))
  if not connected then return nil, err end
  local lines = { "GET " .. path .. " HTTP/1.1" }
  for name, values in pairs(params.headers) do
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      lines[#lines + 1] = name .. ": " .. tostring(value)
    end
  end
  self.socket:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
  local status = self.socket:receive("*l")
  if status == nil then return nil, "closed" end
  local lower = function(key) return type(key) == "string" and key:lower() or key end
  local headers = setmetatable({}, { __index = function(own, key) return rawget(own, lower(key)) end })
  while true do
    local line = self.socket:receive("*l")
    if line == nil or line == "" then break end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    name = name:lower()
    local before = rawget(headers, name)
    if type(before) == "table" then before[#before + 1] = value
    else rawset(headers, name, before ~= nil and { before, value } or value) end
  end
  local body = self.socket:receive(tonumber(headers["content-length"] or 0))
  self.socket:setkeepalive(params.keepalive_timeout, params.keepalive_pool)
  return { status = tonumber(status:match("^%S+ (%d+)")), headers = headers, body = body }
end

return client
