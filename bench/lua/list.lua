-- wrk: read a page of 500 ConfigMaps
wrk.method = "GET"
wrk.path = "/api/v1/namespaces/default/configmaps?limit=500"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
