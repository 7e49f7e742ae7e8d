"""asyncio kits that know no Kubernetes."""
