"""Who did what: audit events by a policy (KEP-1206; upstream: apiserver/pkg/audit)."""
