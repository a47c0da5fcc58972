-- Tags: request parameters lifted into headers and baggage, and the numbers by which weighted choices are made.
--
-- The code is the same for every route and for every document; what differs comes as data, by the host's metadata, so
-- nothing that an operator or a client writes is ever run (attack class 49). It raises no error whatever a client
-- sends: a parameter that is too long, or no text, makes no tag. No pattern here backs up over what it has read, and
-- every loop over a client's words has an end, so no request is slow (attack class 19).
--
-- A route has this filter once, or twice with the colouring of requests between: "open" lifts, "close" tells.

local byte, char, find, format, gmatch, gsub, lower, match, sub =
  string.byte, string.char, string.find, string.format, string.gmatch, string.gsub, string.lower, string.match, string.sub
local bxor, lshift, rshift, tobit = bit.bxor, bit.lshift, bit.rshift, bit.tobit
local concat = table.concat

local LONGEST_VALUE = 128 -- bytes of a tag, before they are encoded
local LONGEST_INPUT = 1024 -- bytes of what the filter of a colouring looks at: a User-Agent fits
local LONGEST_BAGGAGE = 8192 -- bytes, the least that the W3C asks everybody to carry
local MOST_MEMBERS = 64
local MOST_PAIRS = 256 -- parameters of a query, or cookies; a request with more has none

-- Hash ------------------------------------------------------------------------------------------------------------

-- Jenkins' one-at-a-time hash of 32 bits, in three steps; menshen.config.buckets has the same in Python.
local function mixed(h, text)
  for i = 1, #text do
    h = tobit(h + byte(text, i))
    h = tobit(h + lshift(h, 10))
    h = bxor(h, rshift(h, 6))
  end
  return h
end

local function bucket(h)
  h = tobit(h + lshift(h, 3))
  h = bxor(h, rshift(h, 11))
  h = tobit(h + lshift(h, 15))
  if h < 0 then h = h + 4294967296 end
  return format("%02d", h % 100)
end

-- The route's data ------------------------------------------------------------------------------------------------

local MOST_KEPT = 8192
local kept, older, count = {}, {}, 0

-- Names of the parameters of a position, or nil where none is there.
local function names(position, parameters, found)
  for _, parameter in ipairs(parameters) do
    if parameter.position == position then
      found = found or {}
      found[parameter.name] = true
    end
  end
  return found
end

local function prepared(data)
  local tags, inputs = data.tags or {}, data.inputs or {}
  local route = {
    open = data.open, close = data.close, choose = data.choose,
    tags = tags, inputs = inputs, buckets = data.buckets or {}, told = data.told or {},
    plain = data.plain or {},
    queries = names("query", tags, names("query", inputs)), cookies = names("cookie", tags, names("cookie", inputs)),
  }
  route.path = route.queries or names("path", tags, names("path", inputs))
  for _, each in ipairs(route.buckets) do each.start = mixed(0, each.salt .. "\0") end
  for _, tag in ipairs(route.told) do
    tag.key = "menshen." .. tag.name .. "="
    tag.properties = tag.untrusted and ";untrusted" or ""
    tag.trace = tag.name == data.trace
  end
  return route
end

-- The route's data as a plain table. Envoy copies what it hands over, which costs more than all the rest, so the data
-- is read once and found again by its name; that of revisions that are long gone is forgotten.
local function context(handle)
  local id = handle:filterContext():get("id")
  local route = kept[id]
  if route == nil then
    route = older[id] or prepared(handle:virtualHost():metadata():get(id))
    if count >= MOST_KEPT then older, kept, count = kept, {}, 0 end
    kept[id] = route
    count = count + 1
  end
  return route
end

-- Texts -----------------------------------------------------------------------------------------------------------

local function octet(digits) return char(tonumber(digits, 16)) end

local function decoded(text)
  if find(text, "%", 1, true) == nil then return text end
  return (gsub(text, "%%(%x%x)", octet))
end

-- As forms and queries are written: a plus sign is a space.
local function unquoted(text)
  if find(text, "[%%+]") == nil then return text end
  return decoded((gsub(text, "+", " ")))
end

-- A tag as its expression sees it. What could end a header stays encoded: the platform's words are tags too.
local function plain(text)
  return (gsub(text, "%%(%x%x)", function(digits)
    local code = tonumber(digits, 16)
    if code >= 0x20 and code ~= 0x7f then return char(code) end
  end))
end

local function hex(c) return format("%%%02X", byte(c)) end

-- Percent-encoded as menshen.config.tag_values does it.
local function encoded(text)
  return (gsub(text, "[^!#$&'()*./0-9:<=>?@A-Z%[%]^_`a-z{|}~-]", hex))
end

local function trimmed(text)
  local first = find(text, "[^ \t]")
  return first and match(text, ".*[^ \t]", first) or ""
end

-- Whether this is UTF-8 without control characters.
local function is_text(text)
  if find(text, "[^ -~]") == nil then return true end
  local i, length = 1, #text
  while i <= length do
    local c = byte(text, i)
    local more, least, most = 0, 0x80, 0xbf
    if c < 0x20 or c == 0x7f then return false
    elseif c < 0x80 then more = 0
    elseif c >= 0xc2 and c < 0xe0 then more = 1
    elseif c >= 0xe0 and c < 0xf0 then
      more = 2
      if c == 0xe0 then least = 0xa0 elseif c == 0xed then most = 0x9f end
    elseif c >= 0xf0 and c < 0xf5 then
      more = 3
      if c == 0xf0 then least = 0x90 elseif c == 0xf4 then most = 0x8f end
    else return false end
    for k = 1, more do
      local following = byte(text, i + k)
      if following == nil or following < least or following > most then return false end
      least, most = 0x80, 0xbf
    end
    i = i + more + 1
  end
  return true
end

-- Parameters ------------------------------------------------------------------------------------------------------

-- The values of each wanted parameter of the query, joined with commas.
local function from_query(path, wanted)
  local found, seen, start = {}, 0, find(path, "?", 1, true)
  if start == nil then return found end
  for pair in gmatch(sub(path, start + 1), "[^&]+") do
    seen = seen + 1
    if seen > MOST_PAIRS then return {} end
    local equals = find(pair, "=", 1, true)
    local name = unquoted(equals and sub(pair, 1, equals - 1) or pair)
    if wanted[name] then
      local value, before = equals and unquoted(sub(pair, equals + 1)) or "", found[name]
      if before == nil then found[name] = value
      elseif #before <= LONGEST_INPUT then found[name] = before .. "," .. value end
    end
  end
  return found
end

-- The first value of each wanted cookie.
local function from_cookies(header, wanted)
  local found, seen = {}, 0
  for pair in gmatch(header or "", "[^;]+") do
    seen = seen + 1
    if seen > MOST_PAIRS then return {} end
    local equals = find(pair, "=", 1, true)
    local name = equals and trimmed(sub(pair, 1, equals - 1))
    if wanted[name] and found[name] == nil then
      found[name] = gsub(trimmed(sub(pair, equals + 1)), '^"(.*)"$', "%1")
    end
  end
  return found
end

-- The segment at the "!" of a template; "?" is any other parameter, "*" all that is left, "=x" the text x.
local function from_path(path, template)
  local value, index, stop = nil, 0, find(path, "?", 1, true)
  for segment in gmatch(sub(path, 2, stop and stop - 1) .. "/", "([^/]*)/") do
    index = index + 1
    local wanted = template[index]
    if wanted == nil then return nil end
    if wanted == "*" then return value end
    if wanted == "!" or wanted == "?" then
      if segment == "" then return nil end
      if wanted == "!" then value = decoded(segment) end
    elseif wanted ~= "=" .. decoded(segment) then
      return nil
    end
  end
  if index ~= #template then return nil end
  return value
end

local function lifter(headers, route)
  local path = route.path and headers:get(":path") or ""
  local query = route.queries and from_query(path, route.queries)
  local cookies = route.cookies and from_cookies(headers:getAtIndex("cookie", 0), route.cookies)
  return function(parameter, longest)
    local position, value = parameter.position, nil
    if position == "header" then value = headers:getAtIndex(parameter.name, 0)
    elseif position == "query" then value = query[parameter.name]
    elseif position == "cookie" then value = cookies[parameter.name]
    else value = from_path(path, parameter.template) end
    if value == nil or value == "" or #value > longest or not is_text(value) then return nil end
    return value
  end
end

-- Baggage ---------------------------------------------------------------------------------------------------------

-- Members of the caller's own baggage that can be read in one way only, and are not called like ours: a reader may
-- decode keys, so one with an escape or a plus sign is not taken.
local function others(header, members, size)
  local seen = #members
  if #header > LONGEST_BAGGAGE then -- no half of a member, which would be another value
    header = match(sub(header, 1, LONGEST_BAGGAGE + 1), "^(.*),") or ""
  end
  for each in gmatch(header, "[^,]+") do
    seen = seen + 1
    if seen > MOST_MEMBERS then return end
    local member = trimmed(each)
    local key = match(member, "^([!#$&'*.^_`|~0-9A-Za-z-]+)=[!#$%%&'()*+./0-9:;<=>?@A-Z%[%]^_`a-z{|}~-]*$")
    size = size + #member + 1
    if size > LONGEST_BAGGAGE then return end
    if key ~= nil and find(lower(key), "menshen", 1, true) == nil then members[#members + 1] = member end
  end
end

-- The filter ------------------------------------------------------------------------------------------------------

local function open(headers, route)
  local lifted = lifter(headers, route)
  for _, tag in ipairs(route.tags) do
    local value = lifted(tag, LONGEST_VALUE)
    if value ~= nil then headers:replace(tag.header, encoded(value)) end
  end
  for _, input in ipairs(route.inputs) do
    headers:replace(input.header, lifted(input, LONGEST_INPUT) or "")
  end
  if #route.buckets == 0 then return end
  local uid, request = headers:get("x-menshen-uid"), headers:get("x-request-id") or ""
  if uid == "" then uid = nil end
  for _, each in ipairs(route.buckets) do
    headers:replace(each.header, bucket(mixed(each.start, each.sticky and uid or request)))
  end
end

local function close(handle, headers, route)
  local members, untrusted, size = {}, {}, 0
  for _, tag in ipairs(route.told) do
    local value = headers:get(tag.header)
    if value == "" then
      headers:remove(tag.header) -- an identity that has no such value: a tag without a value is none
    elseif value ~= nil then
      local member = tag.key .. value .. tag.properties
      members[#members + 1] = member
      size = size + #member + 1
      if tag.untrusted then untrusted[#untrusted + 1] = tag.name end
      if tag.trace then
        local metadata = handle:streamInfo():dynamicMetadata()
        metadata:set("menshen", "trace_value", value)
        metadata:set("menshen", "trace_tag", tag.name)
      end
    end
  end
  for _, tag in ipairs(route.plain) do
    headers:replace(tag.to, plain(headers:get(tag.header) or ""))
  end
  if #route.told == 0 then return end
  local sent = headers:get("x-menshen-client-baggage")
  if sent ~= nil then others(sent, members, size) end
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
