-- Menshen for HAProxy: asks before a request goes on, and does with it what the answer says.
-- Loaded by "lua-load menshen.lua"; it holds nothing of a revision. The secret is in MENSHEN_VERIFY_SECRET.

local secret = os.getenv("MENSHEN_VERIFY_SECRET") or ""

-- Of the connection, not of the request; and what is ours to say.
local left_out = {
  ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["upgrade"] = true,
  ["transfer-encoding"] = true, ["content-length"] = true, ["expect"] = true, ["proxy-connection"] = true,
  ["http2-settings"] = true, ["x-request-id"] = true,
}

local function values(list)
  local found = {}
  for _, value in pairs(list or {}) do found[#found + 1] = value end
  return found
end

local function first(headers, name) return values(headers[name])[1] end

local function question(txn, shape)
  local asked = {}
  for name, list in pairs(txn.http:req_get_headers()) do
    if not left_out[name] and name:sub(1, 10) ~= "x-menshen-" then asked[name] = values(list) end
  end
  asked["x-menshen-proxy"] = { secret }
  asked["x-menshen-route"] = { txn:get_var("txn.menshen_route") .. "@" .. shape }
  asked["x-menshen-method"] = { txn.sf:method() }
  asked["x-menshen-uri"] = { txn:get_var("txn.menshen_uri") }
  asked["x-menshen-client"] = { tostring(txn.sf:src()) }
  asked["x-request-id"] = { txn:get_var("txn.menshen_id") }
  return asked
end

core.register_action("menshen_ask", { "http-req" }, function(txn, url, shape, by)
  -- "by" gives up first: this client would ask again.
  local asked = { url = url, headers = question(txn, shape), timeout = 40000, dst = by }
  local answer = core.httpclient():get(asked)
  local headers = answer.headers or {}
  if answer.status == 200 and first(headers, "x-menshen-target") then
    txn:set_priv(headers)
    txn:set_var("txn.menshen_said", "leave")
    return
  end
  local status = tonumber(first(headers, "x-menshen-status"))
  if status == nil then
    txn:set_var("txn.menshen_said", "nothing")
    return
  end
  local reply = txn:reply({ status = status })
  for name, list in pairs(headers) do
    if not left_out[name] and name ~= "x-menshen-status" and name ~= "server" and name ~= "date" then
      for _, value in ipairs(values(list)) do reply:add_header(name, value) end
    end
  end
  reply:set_body(answer.body or "")
  txn:done(reply)
end, 3)

-- What the backend is told. "named" are the identity headers, with a comma between them.
core.register_action("menshen_tell", { "http-req" }, function(txn, named)
  local headers = txn:get_priv()
  for name in named:gmatch("[^,]+") do
    txn.http:req_set_header(name, first(headers, name) or "")
  end
  local cookie = first(headers, "x-menshen-cookie") or ""
  txn.http:req_del_header("cookie")
  if cookie ~= "" then txn.http:req_set_header("cookie", cookie) end
  local path, query = first(headers, "x-menshen-target"):match("^([^?]*)%??(.*)$")
  txn.http:req_set_path(path)
  txn.http:req_set_query(query)
end, 1)

-- What the client is given. "named" are the headers of login states and refresh tokens.
core.register_action("menshen_give", { "http-res" }, function(txn, named)
  local headers = txn:get_priv()
  for name in named:gmatch("[^,]+") do
    local value = first(headers, name)
    if value and value ~= "" then txn.http:res_set_header(name, value) end
  end
  for number = 1, 2 do
    local cookie = first(headers, "x-menshen-set-cookie-" .. number)
    if cookie then txn.http:res_add_header("set-cookie", cookie) end
  end
end, 1)
