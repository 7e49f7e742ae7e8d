-- wrk: create ConfigMaps of some 400 bytes, each of another name
wrk.method = "POST"
wrk.path = "/api/v1/namespaces/default/configmaps"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = "application/json"

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local data = {}
for index = 0, 7 do
  data[#data + 1] = string.format('"key-%d":"%s"', index, string.rep("x", 20))
end
local tail = '"},"data":{' .. table.concat(data, ",") .. '}}'

local count = 0
function request()
  count = count + 1
  local name = string.format("c-%d-%d", number, count)
  return wrk.format(nil, nil, nil, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"' .. name .. tail)
end
