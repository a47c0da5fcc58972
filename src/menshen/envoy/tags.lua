-- Tags: request parameters lifted into headers and baggage, and the numbers by which weighted choices are made.
--
-- The code is the same for every route and for every document; what differs comes as data, by the route's context, so
-- nothing that an operator or a client writes is ever run (attack class 49). It raises no error whatever a client
-- sends: a parameter that is too long, or no text, makes no tag.
--
-- A route has this filter once, or twice with the colouring of requests between: "open" lifts, "close" tells.

local byte, char, find, format, gmatch, gsub, lower, sub =
  string.byte, string.char, string.find, string.format, string.gmatch, string.gsub, string.lower, string.sub
local bxor, lshift, rshift, tobit = bit.bxor, bit.lshift, bit.rshift, bit.tobit
local concat = table.concat

local LONGEST_VALUE = 128 -- bytes, before they are encoded
local LONGEST_BAGGAGE = 8192 -- bytes, the least that the W3C asks everybody to carry
local MOST_MEMBERS = 64

local kept, count = {}, 0

-- The route's data as a plain table. Reading it from Envoy costs more than all the rest, so it is done once.
local function context(handle)
  local data = handle:filterContext()
  local id = data:get("id")
  local found = kept[id]
  if found == nil then
    if count >= 20000 then kept, count = {}, 0 end -- routes of revisions that are long gone
    found = {
      open = data:get("open"), close = data:get("close"), tags = data:get("tags") or {},
      inputs = data:get("inputs") or {}, buckets = data:get("buckets") or {}, told = data:get("told") or {},
      plain = data:get("plain") or {}, trace = data:get("trace"), choose = data:get("choose"),
    }
    kept[id] = found
    count = count + 1
  end
  return found
end

local function decoded(text)
  return (gsub(text, "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end))
end

-- A tag as its expression sees it. What could end a header stays encoded: the platform's words are tags too.
local function plain(text)
  return (gsub(text, "%%(%x%x)", function(digits)
    local code = tonumber(digits, 16)
    if code >= 0x20 and code ~= 0x7f then return char(code) end
  end))
end

-- Percent-encoded as a value of baggage must be (W3C Baggage 3.3.1.3): a header then holds the same text.
local function encoded(text)
  return (gsub(text, "[^!#$&'()*+./0-9:<=>?@A-Z%[%]^_`a-z{|}~-]", function(c) return format("%%%02X", byte(c)) end))
end

-- Whether this is UTF-8 without control characters.
local function is_text(text)
  local i, length = 1, #text
  while i <= length do
    local c = byte(text, i)
    local more, least
    if c < 0x20 or c == 0x7f then return false
    elseif c < 0x80 then more, least = 0, 0
    elseif c >= 0xc2 and c < 0xe0 then more, least = 1, 0x80
    elseif c >= 0xe0 and c < 0xf0 then more, least = 2, (c == 0xe0) and 0xa0 or 0x80
    elseif c >= 0xf0 and c < 0xf5 then more, least = 3, (c == 0xf0) and 0x90 or 0x80
    else return false end
    for k = 1, more do
      local following = byte(text, i + k)
      if following == nil or following > 0xbf or following < ((k == 1) and least or 0x80) then return false end
      if k == 1 and ((c == 0xed and following > 0x9f) or (c == 0xf4 and following > 0x8f)) then return false end
    end
    i = i + more + 1
  end
  return true
end

local function from_query(path, name)
  local start = find(path, "?", 1, true)
  if start == nil then return nil end
  local values = {}
  for pair in gmatch(sub(path, start + 1), "[^&]+") do
    local equals = find(pair, "=", 1, true)
    local key = equals and sub(pair, 1, equals - 1) or pair
    if key == name or decoded(key) == name then
      values[#values + 1] = equals and decoded((gsub(sub(pair, equals + 1), "+", " "))) or ""
      if #values > 64 then return nil end
    end
  end
  if #values == 0 then return nil end
  return concat(values, ",")
end

local function from_cookie(header, name)
  for pair in gmatch(header or "", "[^;]+") do
    local key, value = string.match(pair, "^%s*([^=%s]+)%s*=%s*(.-)%s*$")
    if key == name then return (gsub(value, '^"(.*)"$', "%1")) end
  end
  return nil
end

-- The segment at the "!" of a template; "?" is any other parameter, "*" all that is left, "=x" the text x.
local function from_path(path, template)
  local start = find(path, "?", 1, true)
  if start ~= nil then path = sub(path, 1, start - 1) end
  local value, index = nil, 0
  for segment in gmatch(sub(path, 2) .. "/", "([^/]*)/") do
    index = index + 1
    local wanted = template[index]
    if wanted == nil then return nil end
    if wanted == "*" then return value end
    if wanted == "!" then
      if segment == "" then return nil end
      value = decoded(segment)
    elseif wanted == "?" then
      if segment == "" then return nil end
    elseif wanted ~= "=" .. segment then
      return nil
    end
  end
  if index ~= #template then return nil end
  return value
end

local function lifted(headers, parameter)
  local position, name, value = parameter.position, parameter.name, nil
  if position == "header" then value = headers:getAtIndex(name, 0)
  elseif position == "query" then value = from_query(headers:get(":path") or "", name)
  elseif position == "cookie" then value = from_cookie(headers:get("cookie"), name)
  else value = from_path(headers:get(":path") or "", parameter.template) end
  if value == nil or value == "" or #value > LONGEST_VALUE or not is_text(value) then return nil end
  return encoded(value)
end

-- Jenkins' one-at-a-time hash of 32 bits; menshen.config.buckets has the same in Python.
local function hash(text)
  local h = 0
  for i = 1, #text do
    h = tobit(h + byte(text, i))
    h = tobit(h + lshift(h, 10))
    h = bxor(h, rshift(h, 6))
  end
  h = tobit(h + lshift(h, 3))
  h = bxor(h, rshift(h, 11))
  h = tobit(h + lshift(h, 15))
  if h < 0 then h = h + 4294967296 end
  return h
end

-- Members of the caller's own baggage that can be read in one way only, and are not called like ours.
local function others(header, members, size)
  for member in gmatch(header, "[^,]+") do
    local key, rest = string.match(member, "^%s*([!#$&'*+.^_`|~0-9A-Za-z-]+)%s*=%s*([^%s]*)%s*$")
    if key ~= nil and find(lower(key), "menshen", 1, true) == nil and find(key, "+", 1, true) == nil
      and find(rest, "^[!#$%%&'()*+./0-9:;<=>?@A-Z%[%]^_`a-z{|}~-]*$") ~= nil
      and #members < MOST_MEMBERS and size + #key + #rest + 2 <= LONGEST_BAGGAGE then
      members[#members + 1] = key .. "=" .. rest
      size = size + #key + #rest + 2
    end
  end
end

local function open(headers, route)
  for _, tag in ipairs(route.tags) do
    local value = lifted(headers, tag)
    if value ~= nil then headers:replace(tag.header, value) end
  end
  for _, input in ipairs(route.inputs) do
    headers:replace(input.header, lifted(headers, input) or "")
  end
  local uid, request = headers:get("x-menshen-uid"), headers:get("x-request-id") or ""
  if uid == "" then uid = nil end
  for _, bucket in ipairs(route.buckets) do
    local whose = (bucket.sticky and uid) or request
    headers:replace(bucket.header, format("%02d", hash(bucket.salt .. "\0" .. whose) % 100))
  end
end

local function close(handle, headers, route)
  local members, untrusted, size = {}, {}, 0
  for _, tag in ipairs(route.told) do
    local value = headers:get(tag.header)
    if value == "" then
      headers:remove(tag.header) -- an identity that has no such value: a tag without a value is none
    elseif value ~= nil then
      local member = "menshen." .. tag.name .. "=" .. value
      if tag.untrusted then
        member = member .. ";untrusted"
        untrusted[#untrusted + 1] = tag.name
      end
      members[#members + 1] = member
      size = size + #member + 1
      if tag.name == route.trace then
        handle:streamInfo():dynamicMetadata():set("menshen", "trace_value", value)
        handle:streamInfo():dynamicMetadata():set("menshen", "trace_tag", tag.name)
      end
    end
  end
  for _, tag in ipairs(route.plain) do
    headers:replace(tag.to, plain(headers:get(tag.header) or ""))
  end
  local sent = headers:get("x-menshen-client-baggage")
  if sent ~= nil then
    others(sent, members, size)
    headers:remove("x-menshen-client-baggage")
  end
  if #members > 0 then headers:replace("baggage", concat(members, ",")) end
  if #untrusted > 0 then headers:replace("x-menshen-untrusted-tags", concat(untrusted, ",")) end
end

function envoy_on_request(handle)
  local route, headers = context(handle), handle:headers()
  if route.open then open(headers, route) end
  if route.close then
    close(handle, headers, route)
    -- The same path, method and host: the same API. What is chosen again is the version of its upstream.
    if route.choose then handle:clearRouteCache() end
  end
end
