"""What makes it a service: started together and looked after, and how it stands, for people, systemd and Prometheus."""
