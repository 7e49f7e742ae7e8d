"""Extension API servers: APIServices, whether they are available, what is sent on to them, and their discovery."""
