-- wrk: read one ConfigMap again and again
wrk.method = "GET"
wrk.path = "/api/v1/namespaces/default/configmaps/bench"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
