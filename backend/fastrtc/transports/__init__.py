"""The ways in: each turns its wire into a session and back."""
