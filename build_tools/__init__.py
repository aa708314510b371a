"""What builds and checks fastrtc; no part of the package itself."""
