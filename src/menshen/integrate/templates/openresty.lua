local at = @at@
local even = [==[@even@]==]
local forbidden = [==[@forbidden@]==]
local identity = @identity@
local returned = @returned@
local answers = @answers@

-- Of the connection, not of the request; and what is ours to say.
local left_out = {
  ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["upgrade"] = true,
  ["transfer-encoding"] = true, ["content-length"] = true, ["expect"] = true, ["proxy-connection"] = true,
  ["http2-settings"] = true, ["x-request-id"] = true,
}

local function say(name, allow)
  local answer = answers[name]
  ngx.status = answer.status
  ngx.header["content-type"] = "application/json; charset=utf-8"
  ngx.header["cache-control"] = "no-store"
  ngx.header["x-menshen-code"] = answer.code
  if allow ~= nil then ngx.header["allow"] = allow end
  ngx.print(answer.before, ngx.var.request_id, answer.after)
  return ngx.exit(ngx.HTTP_OK)
end

local function question(route)
  local asked = {}
  for name, value in pairs(ngx.req.get_headers(0)) do
    if not left_out[name] and name:sub(1, 10) ~= "x-menshen-" then asked[name] = value end
  end
  asked["x-menshen-proxy"] = @secret@
  asked["x-menshen-route"] = route .. "@@shape@"
  asked["x-menshen-method"] = ngx.req.get_method()
  asked["x-menshen-uri"] = ngx.var.request_uri
  asked["x-menshen-client"] = ngx.var.remote_addr
  asked["x-request-id"] = ngx.var.request_id
  return asked
end

-- What Menshen says, once it is leave to pass; anything else ends the request here.
local function ask(route)
  local client = require("resty.http").new()
  client:set_timeouts(1000, 30000, 30000)
  local wanted = { method = "GET", headers = question(route), keepalive_timeout = 60000, keepalive_pool = 64 }
  local answer = client:request_uri("http://@verify@/verify", wanted)
  if answer == nil then return say("unavailable") end
  if answer.status == 200 and answer.headers["x-menshen-target"] ~= nil then return answer.headers end
  local status = tonumber(answer.headers["x-menshen-status"])
  if status == nil then return say("unavailable") end
  for name, value in pairs(answer.headers) do
    local lower = name:lower()
    if not left_out[lower] and lower ~= "x-menshen-status" and lower ~= "server" and lower ~= "date" then
      ngx.header[name] = value
    end
  end
  ngx.status = status
  ngx.print(answer.body)
  return ngx.exit(ngx.HTTP_OK)
end

-- Of "GET http://a/ HTTP/1.1" with "Host: b" a gateway may find the route by a, and the backend would read b.
local function two_hosts()
  local sent = (ngx.var.http_host or ""):lower():gsub(":%d*$", ""):gsub("%.$", "")
  return sent ~= "" and sent ~= ngx.var.host
end

-- A WebSocket and nothing else: in a tunnel of HTTP/2 (h2c) a client says every header and path by itself.
local function only_websocket()
  local websocket = (ngx.var.http_upgrade or ""):lower() == "websocket"
  ngx.req.clear_header("upgrade")
  ngx.req.clear_header("connection")
  if websocket then
    ngx.req.set_header("upgrade", "websocket")
    ngx.req.set_header("connection", "upgrade")
  end
end

-- "send" is how this gateway is told path and query of what it sends.
local function before(id, send)
  local entry = at[id]
  if entry == nil then return say("no_such_route") end
  if two_hosts() or not ngx.re.find(ngx.var.request_uri, even, "jos") then return say("malformed") end
  if entry.refused ~= nil then return say(entry.refused, entry.allow) end
  local told = entry.asked and ask(entry.route) or {}
  -- Strip first, in every spelling that nginx lets in. Without a limit: a header behind the last that is read would stay.
  for name in pairs(ngx.req.get_headers(0)) do
    local found, _, failed = ngx.re.find(name, forbidden, "jois")
    if found or failed then ngx.req.clear_header(name) end
  end
  ngx.req.set_header("x-request-id", ngx.var.request_id)
  only_websocket()
  if entry.client then
    ngx.req.set_header("x-menshen-proxy", @secret@)
    ngx.req.set_header("x-menshen-client", ngx.var.remote_addr)
    return
  end
  -- Credentials stop here.
  for _, name in ipairs(entry.stops) do ngx.req.clear_header(name) end
  -- Then set.
  for _, name in ipairs(identity) do ngx.req.set_header(name, told[name] or "") end
  if not entry.asked then return end
  ngx.ctx.menshen = told
  ngx.req.clear_header("cookie")
  if (told["x-menshen-cookie"] or "") ~= "" then ngx.req.set_header("cookie", told["x-menshen-cookie"]) end
  send(told["x-menshen-target"])
end

local function after()
  local told = ngx.ctx.menshen
  if told == nil then return end
  for _, name in ipairs(returned) do
    if (told[name] or "") ~= "" then ngx.header[name] = told[name] end
  end
  local cookies = ngx.header["set-cookie"] or {}
  if type(cookies) == "string" then cookies = { cookies } end
  for number = 1, 2 do cookies[#cookies + 1] = told["x-menshen-set-cookie-" .. number] end
  if #cookies > 0 then ngx.header["set-cookie"] = cookies end
end
