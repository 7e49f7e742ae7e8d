-- wrk: create Pods of one container, each of another name, for the scheduler that BENCH_SCHEDULER names
wrk.method = "POST"
wrk.path = "/api/v1/namespaces/default/pods"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = "application/json"

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local scheduler = os.getenv("BENCH_SCHEDULER")
local count = 0
function request()
  count = count + 1
  local name = string.format("%s-%d-%d", scheduler, number, count)
  return wrk.format(nil, nil, nil, '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"' .. name
    .. '"},"spec":{"schedulerName":"' .. scheduler .. '","containers":[{"name":"c","image":"example/image:1"}]}}')
end
