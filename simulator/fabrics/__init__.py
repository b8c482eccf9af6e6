"""Switch fabrics between hosts: which links a flow takes, and how much each link carries."""
