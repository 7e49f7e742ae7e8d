"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy: whom they match, what they see, and what they decide."""
