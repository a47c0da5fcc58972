-- Menshen for Envoy Gateway: what ext_authz alone cannot do with an answer. It holds nothing of a route.
local given = {@given@}
local cookies = {"x-menshen-set-cookie-1", "x-menshen-set-cookie-2"}

-- Leave to pass: what the backend is told stays, what the client is given waits for the answer.
function envoy_on_request(handle)
  local headers = handle:headers()
  local target = headers:get("x-menshen-target")
  if target == nil then return end
  local kept = handle:streamInfo():dynamicMetadata()
  kept:set("menshen", "passed", "yes")
  for _, name in ipairs(given) do
    local value = headers:get("x-menshen-give-" .. name)
    if value ~= nil then kept:set("menshen", name, value) end
    headers:remove("x-menshen-give-" .. name)
  end
  for _, name in ipairs(cookies) do
    local value = headers:get(name)
    if value ~= nil then kept:set("menshen", name, value) end
    headers:remove(name)
  end
  local cookie = headers:get("x-menshen-cookie")
  headers:remove("cookie")
  if cookie ~= nil and cookie ~= "" then headers:add("cookie", cookie) end
  headers:remove("x-menshen-cookie")
  headers:remove("x-menshen-target")
  -- Only what is behind the "?": Envoy looks for a route again after Lua, and must find the one that was asked about.
  local path = headers:get(":path"):match("^[^?]*")
  headers:replace(":path", path .. (target:match("%?.*$") or ""))
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local kept = handle:streamInfo():dynamicMetadata():get("menshen")
  if kept ~= nil and kept["passed"] ~= nil then
    for _, name in ipairs(given) do
      if kept[name] ~= nil then headers:replace(name, kept[name]) end
    end
    for _, name in ipairs(cookies) do
      if kept[name] ~= nil then headers:add("set-cookie", kept[name]) end
    end
    return
  end
  local status, true_status = headers:get(":status"), headers:get("x-menshen-status")
  if status == "@answered@" and true_status ~= nil then
    headers:replace(":status", true_status)
    headers:remove("x-menshen-status")
  elseif status == "@unasked@" then
    headers:replace(":status", "@status@")
    headers:replace("content-type", "application/json; charset=utf-8")
    headers:replace("x-menshen-code", "@code@")
    headers:replace("cache-control", "no-store")
    local length = handle:body(true):setBytes('@body@')
    headers:replace("content-length", tostring(length))
  end
end
