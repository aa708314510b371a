"""What users derive from, and what runs their code."""
