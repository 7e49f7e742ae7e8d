"""What is wrong with webhook configurations and admission policies (admissionregistration validation)."""
