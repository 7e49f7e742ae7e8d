-- wrk: create Pods of one container, each of another name
wrk.method = "POST"
wrk.path = "/api/v1/namespaces/default/pods"
wrk.headers["Authorization"] = "Bearer bench-token"
wrk.headers["Content-Type"] = "application/json"

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local count = 0
function request()
  count = count + 1
  local name = string.format("p-%d-%d", number, count)
  return wrk.format(nil, nil, nil, '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"' .. name
    .. '"},"spec":{"containers":[{"name":"c","image":"example/image:1"}]}}')
end
