-- wrk: merge-patch one ConfigMap, another value each time
wrk.method = "PATCH"
wrk.path = "/api/v1/namespaces/default/configmaps/bench"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = "application/merge-patch+json"

local count = 0
function request()
  count = count + 1
  return wrk.format(nil, nil, nil, string.format('{"data":{"n":"%d"}}', count))
end
